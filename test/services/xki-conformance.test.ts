import { execFile, execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHttpServer, type HttpServer } from '../../src/lib/http-server.ts';
import { testAuthority } from '../support/tls.ts';
import { credential, prefix, region, secondCredential } from '../support/xki-scene.ts';
import { startHsm, type HsmScene } from './hsm-scene.ts';
import { bothCredentials, startProxyProcess, type ProxyProcess } from './xki-proxy-process.ts';

const run = promisify(execFile);
const requestMetadata = { awsPrincipalArn: 'arn:p', kmsKeyArn: 'arn:k', kmsOperation: 'Encrypt', kmsRequestId: 'r1' };
const base64 = (length: number): string => Buffer.alloc(length, 7).toString('base64');
const encryption = { requestMetadata, plaintext: base64(4096), encryptionAlgorithm: 'AES_GCM' };
const health = `${prefix}/kms/xks/v1/health`;

/**
 * As the conformance client of the specification calls: curl signs, the last line of the output is the body, jq reads it. The
 * body to send goes in by standard input.
 */
const client =
  'set -o pipefail; curl -sS --data-binary @- -H content-type:application/json "$@" | tail -n 1 | jq -ce .';

interface Sent {
  user?: { accessKeyId: string; secretAccessKey: string };
  args?: string[];
}

type Answer = Record<string, string>;

async function call(proxy: ProxyProcess, path: string, body: object, sent: Sent = {}): Promise<Answer> {
  const { accessKeyId, secretAccessKey } = sent.user ?? credential;
  const signer = ['--aws-sigv4', `aws:amz:${region}:kms-xks-proxy`, '--user', `${accessKeyId}:${secretAccessKey}`];
  const args = ['--cacert', proxy.caFile, ...signer, ...(sent.args ?? []), `${proxy.endpoint}${path}`];
  const running = run('bash', ['-c', client, 'client', ...args]);
  running.child.stdin?.end(JSON.stringify(body));
  return JSON.parse((await running).stdout) as Answer;
}

/** The proxy gives its HSM 200 ms, which a busy machine may miss: then it is asked again, a few times. */
async function onKey(proxy: ProxyProcess, key: string, operation: string, body: object, sent?: Sent): Promise<Answer> {
  for (let tries = 0; ; tries += 1) {
    const answer = await call(proxy, `${prefix}/kms/xks/v1/keys/${key}/${operation}`, body, sent);
    if (answer['errorMessage'] !== 'The HSM does not answer.' || tries === 5) return answer;
  }
}

describe.each(['a sealed file', 'SoftHSM2'])('The XKS proxy API over keys in %s, called by curl', (where) => {
  let proxy: ProxyProcess;
  let hsm: HsmScene | undefined;
  beforeAll(async () => {
    hsm = where === 'SoftHSM2' ? await startHsm() : undefined;
    proxy = await startProxyProcess({
      credentials: bothCredentials,
      ...(hsm !== undefined && { hsmSocket: hsm.socket }),
    });
  });
  afterAll(async () => {
    await proxy.stop();
    await hsm?.stop();
  });

  it('answers /ping to a load balancer, unsigned, and 405 to a GET of an operation', async () => {
    const get = async (path: string): Promise<string> =>
      (await run('curl', ['-sS', '-w', ' %{http_code}', '--cacert', proxy.caFile, `${proxy.endpoint}${path}`])).stdout;
    expect(await get('/ping')).toBe('pong 200');
    expect(await get(health)).toMatch(/ 405$/);
  });

  it('answers health and metadata, also for operations it has not heard of and with fields it does not know', async () => {
    const healthy = async (): Promise<string> => JSON.stringify(await call(proxy, health, { requestMetadata }));
    await expect.poll(healthy, { timeout: 10_000 }).toContain('"healthStatus":"ACTIVE"');
    const more = { ...requestMetadata, kmsOperation: 'Frobnicate', kmsViaService: 'ebs' };
    for (const metadata of [requestMetadata, more]) {
      const answer = await onKey(proxy, 'full', 'metadata', { requestMetadata: metadata });
      expect(answer).toEqual({ keySpec: 'AES_256', keyUsage: ['ENCRYPT', 'DECRYPT'], keyStatus: 'ENABLED' });
    }
    const disabled = await onKey(proxy, 'disabled', 'metadata', { requestMetadata });
    expect(disabled).toMatchObject({ keyStatus: 'DISABLED' });
  });

  it('refuses empty bodies as ValidationException, for every operation', async () => {
    for (const body of [{}, { requestMetadata: {} }]) {
      const invalid = { errorName: 'ValidationException' };
      expect(await call(proxy, health, body)).toMatchObject(invalid);
      for (const operation of ['metadata', 'encrypt', 'decrypt']) {
        expect(await onKey(proxy, 'full', operation, body)).toMatchObject(invalid);
      }
    }
  });

  it.each<[string, string, () => Promise<Answer>]>([
    ['KeyNotFoundException', 'a key that is not there', () => onKey(proxy, 'missing', 'encrypt', encryption)],
    [
      'KeyNotFoundException',
      'a key of nobody',
      () => onKey(proxy, 'non_existing_key', 'metadata', { requestMetadata }),
    ],
    [
      'InvalidUriPathException',
      'a path below the prefix',
      () => call(proxy, `${prefix}/invalid/kms/xks/v1/health`, { requestMetadata }),
    ],
    [
      'AuthenticationFailedException',
      'an unknown access key',
      () => call(proxy, health, { requestMetadata }, { user: { ...credential, accessKeyId: 'NOBODY22222222222222' } }),
    ],
    [
      'AuthenticationFailedException',
      'another secret',
      () => onKey(proxy, 'full', 'encrypt', encryption, { user: { ...credential, secretAccessKey: 'x'.repeat(43) } }),
    ],
    ['InvalidStateException', 'a disabled key', () => onKey(proxy, 'disabled', 'encrypt', encryption)],
    ['InvalidKeyUsageException', 'a key that only decrypts', () => onKey(proxy, 'decrypt-only', 'encrypt', encryption)],
    ['InvalidKeyUsageException', 'a key for nothing', () => onKey(proxy, 'impotent', 'encrypt', encryption)],
    [
      'InvalidKeyUsageException',
      'an integrity value of a key that only encrypts',
      () =>
        onKey(proxy, 'encrypt-only', 'encrypt', { ...encryption, ciphertextDataIntegrityValueAlgorithm: 'SHA_256' }),
    ],
  ])('answers %s to %s', async (errorName, _what, answer) => {
    expect(await answer()).toMatchObject({ errorName });
  });

  it('takes the second access key as well as the first: one is replaced while the other works', async () => {
    expect(await call(proxy, health, { requestMetadata }, { user: secondCredential })).toHaveProperty('ekmVendor');
  });

  it('F5: decrypts 4096 bytes with 8192 of associated data, whose integrity value the caller computes again', async () => {
    const aad = { additionalAuthenticatedData: base64(8192) };
    const asked = { ...encryption, ...aad, ciphertextDataIntegrityValueAlgorithm: 'SHA_256' };
    const { ciphertextDataIntegrityValue, ...parts } = await onKey(proxy, 'full', 'encrypt', asked);
    const { initializationVector = '', ciphertext = '', authenticationTag = '' } = parts;
    const fields = [aad.additionalAuthenticatedData, initializationVector, ciphertext, authenticationTag];
    const bytes = Buffer.concat(fields.map((field) => Buffer.from(field, 'base64')));
    expect(ciphertextDataIntegrityValue).toBe(createHash('sha256').update(bytes).digest('base64'));
    const back = { ...parts, requestMetadata, encryptionAlgorithm: 'AES_GCM' };
    expect(await onKey(proxy, 'full', 'decrypt', { ...back, ...aad })).toEqual({ plaintext: encryption.plaintext });
    for (const other of [{}, { additionalAuthenticatedData: base64(8) }]) {
      const answer = await onKey(proxy, 'full', 'decrypt', { ...back, ...other });
      expect(answer).toMatchObject({ errorName: 'InvalidCiphertextException' });
    }
  });

  it('lets a key that only encrypts encrypt, and not decrypt what it made', async () => {
    const made = await onKey(proxy, 'encrypt-only', 'encrypt', encryption);
    const back = { ...made, requestMetadata, encryptionAlgorithm: 'AES_GCM' };
    const answer = await onKey(proxy, 'encrypt-only', 'decrypt', back);
    expect(answer).toMatchObject({ errorName: 'InvalidKeyUsageException' });
  });

  it('F6: stops a key within a second of its owner’s command, and notes every call', async () => {
    await proxy.kaap('disable', 'full');
    const encrypted = (): Promise<Answer> => onKey(proxy, 'full', 'encrypt', encryption);
    await expect.poll(encrypted, { timeout: 5000, interval: 50 }).toMatchObject({ errorName: 'InvalidStateException' });
    await proxy.kaap('enable', 'full');
    await expect.poll(encrypted, { timeout: 5000, interval: 50 }).toHaveProperty('ciphertext');
    expect(proxy.audit()).toContain('"outcome":"InvalidStateException"');
    expect(proxy.audit()).toContain(`"resources":["${prefix}/keys/full"]`);
    expect(proxy.audit()).not.toContain(encryption.plaintext);
  });

  it('keeps no key in the file when they are in the HSM, and says DependencyTimeoutException when that is away', async () => {
    const file = JSON.parse(readFileSync(join(proxy.folder, 'keys.json'), 'utf8')) as { keys: { heldBy?: string }[] };
    expect(new Set(file.keys.map(({ heldBy }) => heldBy))).toEqual(new Set([hsm === undefined ? undefined : 'hsm']));
    if (hsm === undefined) return;
    await hsm.stop();
    hsm = undefined;
    const answer = await onKey(proxy, 'full', 'encrypt', encryption);
    expect(answer).toMatchObject({ errorName: 'DependencyTimeoutException' });
    expect(JSON.stringify(await call(proxy, health, { requestMetadata }))).toContain('"healthStatus":"UNAVAILABLE"');
  });
});

describe('A proxy that limits how often it is called', () => {
  const metadata = { requestMetadata };
  // Two at once, and one more each second: of ten at a time some come too early, however slow curl is.
  const some = expect.arrayContaining(['ThrottlingException', undefined]) as unknown;

  it('answers ThrottlingException to the access key that calls more often, and to no other; health it always answers', async () => {
    const proxy = await startProxyProcess({ credentials: bothCredentials, rateLimit: { perCredential: 1 } });
    const ask = (): Promise<Answer> => onKey(proxy, 'full', 'metadata', metadata);
    const answered = await Promise.all(Array.from({ length: 10 }, () => ask()));
    expect(answered.map(({ errorName }) => errorName)).toEqual(some);
    expect(await onKey(proxy, 'full', 'metadata', metadata, { user: secondCredential })).toHaveProperty('keyStatus');
    expect(await call(proxy, health, metadata)).toHaveProperty('ekmVendor');
    await expect.poll(ask, { timeout: 10_000, interval: 1500 }).toHaveProperty('keyStatus');
    expect(proxy.audit()).toContain('"outcome":"ThrottlingException"');
    await proxy.stop();
  });

  it('answers ThrottlingException for the key that is used more often, whoever calls, and for no other', async () => {
    const proxy = await startProxyProcess({ credentials: bothCredentials, rateLimit: { perKey: 1 } });
    const users = [credential, secondCredential];
    const answered = await Promise.all(
      Array.from({ length: 10 }, (_none, at) =>
        onKey(proxy, 'full', 'encrypt', encryption, { user: users[at % 2] ?? credential }),
      ),
    );
    expect(answered.map(({ errorName }) => errorName)).toEqual(some);
    expect(await onKey(proxy, 'encrypt-only', 'encrypt', encryption)).toHaveProperty('ciphertext');
    await proxy.stop();
  });
});

describe('A proxy that cannot do its work', () => {
  const broken = (errorMessage: string) => ({ errorName: 'InternalException', errorMessage });

  it('answers InternalException while its file of keys cannot be read, and works again with it', async () => {
    const proxy = await startProxyProcess();
    const path = join(proxy.folder, 'keys.json');
    const sound = readFileSync(path, 'utf8');
    writeFileSync(path, sound.slice(0, -20));
    const encrypted = (): Promise<Answer> => onKey(proxy, 'full', 'encrypt', encryption);
    await expect.poll(encrypted, { timeout: 5000 }).toEqual(broken('The proxy failed.'));
    expect(JSON.stringify(await call(proxy, health, { requestMetadata }))).toContain('"healthStatus":"UNAVAILABLE"');
    writeFileSync(path, sound);
    await expect.poll(encrypted, { timeout: 5000 }).toHaveProperty('ciphertext');
    await proxy.stop();
  });

  it('answers UnsupportedOperationException to more than it takes, and to more than it reads', async () => {
    const proxy = await startProxyProcess();
    for (const plaintext of [base64(8449), base64(40_000)]) {
      const answer = await onKey(proxy, 'full', 'encrypt', { ...encryption, plaintext });
      expect(answer).toMatchObject({ errorName: 'UnsupportedOperationException' });
    }
    expect(await onKey(proxy, 'full', 'encrypt', { ...encryption, plaintext: base64(8448) })).toHaveProperty(
      'ciphertext',
    );
    await proxy.stop();
  });
});

describe('A proxy that asks for certificates of its clients', () => {
  let proxy: ProxyProcess;
  let folder: string;
  const files: Record<string, string[]> = {};
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kaap-mtls-'));
    const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
    const request = (name: string, ...further: string[]): void => {
      const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`];
      openssl('req', ...further, ...made, '-keyout', `${name}.key`, '-out', `${name}.crt`);
    };
    const authorities = ['authority', 'stranger'];
    for (const name of authorities) request(name, '-x509', '-days', '2');
    for (const [name, days] of [
      ['cks.kms.local.amazonaws.com', '2'],
      ['expired', '-1'],
    ] as const) {
      request(name);
      const signed = ['-CA', 'authority.crt', '-CAkey', 'authority.key', '-CAcreateserial', '-days', days];
      openssl('x509', '-req', '-in', `${name}.crt`, ...signed, '-out', `${name}.crt`);
    }
    for (const name of ['cks.kms.local.amazonaws.com', 'expired', 'stranger']) {
      files[name] = ['--cert', join(folder, `${name}.crt`), '--key', join(folder, `${name}.key`)];
    }
    proxy = await startProxyProcess({ clientCaPem: readFileSync(join(folder, 'authority.crt'), 'utf8') });
  });
  afterAll(async () => {
    await proxy.stop();
    rmSync(folder, { recursive: true });
  });

  it('answers the one it knows', async () => {
    const args = files['cks.kms.local.amazonaws.com'] ?? [];
    expect(await call(proxy, health, { requestMetadata }, { args })).toHaveProperty('ekmVendor');
  });

  it('has an expired certificate before it that differs from the one it knows by its dates alone', () => {
    const issuerOf = (name: string): string => new X509Certificate(readFileSync(join(folder, `${name}.crt`))).issuer;
    expect(issuerOf('expired')).toBe(issuerOf('cks.kms.local.amazonaws.com'));
    const { validToDate } = new X509Certificate(readFileSync(join(folder, 'expired.crt')));
    expect(validToDate.getTime()).toBeLessThan(Date.now());
  });

  it.each(['stranger', 'nobody', 'expired'])(
    'F4: hangs up on a certificate that is of %s: no request of theirs is looked at, none is in the audit log',
    async (name) => {
      const recorded = (): number => proxy.audit().split('"kind":"event"').length;
      const before = recorded();
      const refused = call(proxy, health, { requestMetadata }, { args: files[name] ?? [] });
      // curl(1): the handshake failed (35), or the server hung up before (52) or while curl wrote (55) or read (56).
      await expect(refused).rejects.toThrow(/curl: \((35|52|55|56)\)/);
      expect(recorded()).toBe(before);
    },
  );
});

describe('The policy engine of the owner', () => {
  let engine: Server;
  let secure: HttpServer;
  let answer: { status: number; text: string };
  let caPem: string;
  beforeAll(async () => {
    const respond = (): { status: number; text: string } => answer;
    engine = createServer((request, response) => {
      request.resume();
      response.writeHead(respond().status, { location: '/elsewhere' }).end(respond().text);
    });
    await new Promise<void>((done) => engine.listen(0, '127.0.0.1', done));
    const authority = testAuthority();
    caPem = authority.caPem;
    secure = await startHttpServer({
      address: { host: '127.0.0.1', port: 0 },
      certificate: authority.issue(),
      handler: (request, response) => {
        request.resume();
        response.writeHead(respond().status).end(respond().text);
      },
    });
  });
  afterAll(async () => {
    engine.close();
    await secure.close(50);
  });

  it.each(['http', 'https'])(
    'decides over %s, and whatever is no decision refuses and says what it was',
    async (scheme) => {
      const { port } = scheme === 'http' ? (engine.address() as AddressInfo) : secure;
      const policyUrl = `${scheme}://localhost:${port}/v1/data/xki/allow`;
      const proxy = await startProxyProcess({ policyUrl, policyCaPem: caPem });
      const ask = async (status: number, text: string): Promise<Answer> => {
        answer = { status, text };
        // On a busy machine a call may take longer than the 100 ms that it is given: then it is asked again.
        for (;;) {
          const got = await onKey(proxy, 'full', 'metadata', { requestMetadata });
          if (got['errorMessage']?.includes('did not answer within') !== true) return got;
        }
      };
      expect(await ask(200, '{"result":true}')).toMatchObject({ keyStatus: 'ENABLED' });
      for (const text of ['{"result":false}', '{}', '{"result":"true"}']) {
        expect(await ask(200, text)).toMatchObject({ errorName: 'AccessDeniedException' });
      }
      const undecided = (what: string) => ({
        errorName: 'DependencyTimeoutException',
        errorMessage: `The policy engine of the owner of the key ${what}.`,
      });
      expect(await ask(200, '<html>')).toEqual(undecided('answered something else than JSON'));
      expect(await ask(200, '[true]')).toEqual(undecided('answered something else than an object with a result'));
      expect(await ask(302, '{"result":true}')).toEqual(undecided('answered status 302'));
      expect(await ask(500, '{"result":true}')).toEqual(undecided('answered status 500'));
      await proxy.stop();
    },
  );

  it('over https is trusted by the configured authority alone', async () => {
    answer = { status: 200, text: '{"result":true}' };
    const policyUrl = `https://localhost:${secure.port}/v1/data/xki/allow`;
    const proxy = await startProxyProcess({ policyUrl, policyCaPem: testAuthority().caPem });
    const refused = await onKey(proxy, 'full', 'metadata', { requestMetadata });
    expect(refused).toMatchObject({ errorName: 'DependencyTimeoutException' });
    await proxy.stop();
  });
});
