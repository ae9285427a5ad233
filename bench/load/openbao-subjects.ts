import { startGenerator } from './generator-thread.ts';
import type { Pressure } from './kms-subjects.ts';
import type { Subject } from './measured-window.ts';
import type { OpenBaoContent, OpenBaoServer } from './openbao-server.ts';
import type { TokenCalls } from './prepared-requests.ts';

/** The counterpart of an action of KMS, and what its answer must hold. */
interface Counterpart {
  name: string;
  call: Omit<TokenCalls, 'kind' | 'token'>;
  expected: string;
}

/** The counterparts of Encrypt, Decrypt and GetSecretValue, in this order. */
function counterparts({ ciphertext }: OpenBaoServer, { plaintext, secret }: OpenBaoContent): Counterpart[] {
  const post = (path: string, body: object): Counterpart['call'] => {
    return { method: 'POST', path, body: JSON.stringify(body) };
  };
  return [
    {
      name: 'transit encrypt',
      call: post('/v1/transit/encrypt/bench', { plaintext }),
      expected: '"ciphertext":"vault:v1:',
    },
    { name: 'transit decrypt', call: post('/v1/transit/decrypt/bench', { ciphertext }), expected: plaintext },
    { name: 'KV v2 read', call: { method: 'GET', path: '/v1/secret/data/bench', body: '' }, expected: secret },
  ];
}

export function openBaoSubjects(server: OpenBaoServer, content: OpenBaoContent, pressure: Pressure): Subject[] {
  const { endpoint, caPem, token } = server;
  return counterparts(server, content).map(({ name, call, expected }) => {
    const calls: TokenCalls = { kind: 'token', token, ...call };
    return {
      name: `${name}, OpenBao`,
      server,
      generator: startGenerator({ endpoint, caPem, calls, expected, ...pressure }),
    };
  });
}
