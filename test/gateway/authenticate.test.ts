import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { authenticate } from '../../src/gateway/authenticate.ts';
import { MemoryNonceStore } from '../../src/gateway/nonce-store.ts';
import type { Proof } from '../../src/gateway/protocols/protocol.ts';
import type { VerificationKey } from '../../src/gateway/signature.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import type { Credential } from '../../src/ports/identity.ts';
import { testCredentials } from '../support/test-gateway.ts';

const clock = new ManualClock(Date.now());
const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const known: ReadonlyMap<string, Credential> = testCredentials();

/** Authenticates, and gives the error with the keys that the signature was verified with. */
async function verified(accessKeyId: string, keyKind: VerificationKey['kind']): Promise<[string, VerificationKey[]]> {
  const keys: VerificationKey[] = [];
  const proof: Proof = {
    accessKeyId,
    securityToken: undefined,
    timestamp: clock.now(),
    expiredCode: 'InvalidTimeStamp.Expired',
    nonce: 'n',
    mismatchMessage: 'no match',
    keyKind,
    verify: (key) => {
      keys.push(key);
      return false;
    },
  };
  const nonces = new MemoryNonceStore({ clock, salt: randomBytes(32) });
  const credentials = { find: (id: string) => Promise.resolve(known.get(id)) };
  const code = await authenticate({ credentials, nonces, clock }, proof).then(
    () => 'OK',
    (error: { code: string }) => error.code,
  );
  return [code, keys];
}

describe('C11: a signature is verified once, with a key of its kind and size', () => {
  it('for a key id that is known', async () => {
    const [code, keys] = await verified('root', 'AccessKey');
    expect(code).toBe('SignatureDoesNotMatch');
    expect(keys.map(({ kind }) => kind)).toEqual(['AccessKey']);
  });

  it.each(['unknown', 'x'.repeat(129), ''])('for a key id that is of nobody: %s', async (id) => {
    const [code, keys] = await verified(id, 'AccessKey');
    expect(code).toBe('InvalidAccessKeyId.NotFound');
    expect(keys.map(({ kind }) => kind)).toEqual(['AccessKey']);
  });

  it('for a client key that is of nobody, with as much work as for a real one', async () => {
    const [code, [decoy]] = await verified('KAAP.none', 'ClientKey');
    expect(code).toBe('InvalidAccessKeyId.NotFound');
    const details = decoy?.kind === 'ClientKey' ? decoy.publicKey.asymmetricKeyDetails : undefined;
    expect(details).toEqual(publicKey.asymmetricKeyDetails);
  });

  it('for an access key whose id comes with the signature of a client key', async () => {
    const [code, keys] = await verified('root', 'ClientKey');
    expect(code).toBe('SignatureDoesNotMatch');
    expect(keys.map(({ kind }) => kind)).toEqual(['ClientKey']);
  });
});
