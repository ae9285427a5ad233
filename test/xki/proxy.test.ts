import { randomBytes } from 'node:crypto';
import { request } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signSigV4, type SigV4Credential } from '../../src/crypto/sigv4.ts';
import { credential, prefix, region, secondCredential, XkiScene } from '../support/xki-scene.ts';

interface Sent {
  credential?: SigV4Credential;
  region?: string;
  service?: string;
  time?: number;
  method?: string;
  /** Changes headers after signing. */
  tamper?: (headers: Record<string, string>) => void;
  /** Body that is sent instead of the one that was signed. */
  sentBody?: string;
}

const metadata = { awsPrincipalArn: 'acs:ram::1:root', kmsKeyArn: 'arn', kmsOperation: 'Encrypt', kmsRequestId: 'r1' };

describe('xki-proxy', () => {
  let scene: XkiScene;
  beforeAll(async () => {
    scene = await XkiScene.start({ policy: async ({ kmsOperation }) => kmsOperation !== 'Forbidden' });
  });
  afterAll(() => scene.close());

  async function call(path: string, fields: object, sent: Sent = {}): Promise<{ status: number; text: string }> {
    const body = JSON.stringify(fields);
    const { host } = new URL(scene.endpoint);
    const method = sent.method ?? 'POST';
    const signable = { method, host, path, headers: { 'content-type': 'application/json' }, body: Buffer.from(body) };
    const scope = { region: sent.region ?? region, service: sent.service ?? 'kms-xks-proxy' };
    const headers = await signSigV4(signable, sent.credential ?? credential, scope, sent.time ?? Date.now());
    sent.tamper?.(headers);
    return new Promise((resolve, reject) => {
      const outgoing = request(`${scene.endpoint}${path}`, { method, headers, ca: scene.caPem }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      });
      outgoing.once('error', reject).end(method === 'GET' ? undefined : (sent.sentBody ?? body));
    });
  }
  const onKey = (keyId: string, operation: string, fields: object = {}, sent: Sent = {}): ReturnType<typeof call> =>
    call(`${prefix}/kms/xks/v1/keys/${keyId}/${operation}`, { requestMetadata: metadata, ...fields }, sent);
  const errorOf = async (answer: ReturnType<typeof call>): Promise<string> => {
    const { status, text } = await answer;
    expect(text).not.toContain('\n');
    return `${status} ${(JSON.parse(text) as { errorName: string }).errorName}`;
  };
  const encryption = { plaintext: Buffer.from('text').toString('base64'), encryptionAlgorithm: 'AES_GCM' };

  it('takes the second credential of a prefix as well as the first', async () => {
    for (const one of [credential, secondCredential]) {
      expect((await onKey('full', 'metadata', {}, { credential: one })).status).toBe(200);
    }
  });

  it.each<[string, Sent]>([
    ['an unknown access key', { credential: { ...credential, accessKeyId: 'NOBODY22222222222222' } }],
    ['another secret', { credential: { ...credential, secretAccessKey: 'x'.repeat(43) } }],
    ['another region', { region: 'eu-west-1' }],
    ['another service', { service: 'kms' }],
    ['a date six minutes ago', { time: Date.now() - 360_000 }],
    ['a date six minutes ahead', { time: Date.now() + 360_000 }],
    ['another body than was signed', { sentBody: JSON.stringify({ requestMetadata: metadata }).replace('r1', 'r2') }],
    ['a signed header that was changed', { tamper: (headers) => (headers['content-type'] = 'text/plain') }],
    ['a signed header that was taken out', { tamper: (headers) => delete headers['content-type'] }],
    ['no signature', { tamper: (headers) => delete headers['authorization'] }],
    [
      'a signature that leaves out the date',
      {
        tamper: (headers) => (headers['authorization'] = (headers['authorization'] ?? '').replace(';x-amz-date', '')),
      },
    ],
    [
      'one bit of the signature flipped',
      {
        tamper: (headers) =>
          (headers['authorization'] = (headers['authorization'] ?? '').replace(/.$/, (digit) =>
            digit === '0' ? '1' : '0',
          )),
      },
    ],
  ])('F5: refuses %s', async (_name, sent) => {
    expect(await errorOf(onKey('full', 'metadata', {}, sent))).toBe('401 AuthenticationFailedException');
  });

  it('shows a prefix its own keys only, also to a credential of both', async () => {
    expect(await errorOf(onKey('of-others', 'metadata'))).toBe('404 KeyNotFoundException');
    expect(await errorOf(onKey('nothing', 'metadata'))).toBe('404 KeyNotFoundException');
    const others = '/others/kms/xks/v1/keys/of-others/metadata';
    expect((await call(others, { requestMetadata: metadata }, { credential: secondCredential })).status).toBe(200);
    expect(await errorOf(call(others, { requestMetadata: metadata }))).toBe('401 AuthenticationFailedException');
  });

  it.each([
    ['/kms/xks/v1/health'],
    [`${prefix}/invalid/kms/xks/v1/health`],
    [`${prefix}/kms/xks/v1/keys/full`],
    [`${prefix}/kms/xks/v1/keys/../metadata`],
    [`${prefix}/kms/xks/v1/keys/full%2f/metadata`],
    [`${prefix}/kms/xks/v1/health?x=1`],
    [`${prefix}//kms/xks/v1/health`],
  ])('F4: knows no path %s', async (path) => {
    const answer = await new Promise<string>((resolve, reject) => {
      // node:http would take the dots out of a URL: the path is sent as it is.
      const { hostname, port } = new URL(scene.endpoint);
      const outgoing = request({ hostname, port, path, method: 'POST', ca: scene.caPem }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve(`${response.statusCode} ${text}`));
      });
      outgoing.once('error', reject).end('{}');
    });
    expect(answer).toContain('404 {"errorName":"InvalidUriPathException"');
  });

  it('answers 405 to GET, and pong to the probe of a load balancer', async () => {
    expect(await errorOf(call(`${prefix}/kms/xks/v1/health`, {}, { method: 'GET' }))).toBe(
      '405 MethodNotAllowedException',
    );
  });

  it.each([
    ['an empty body', { requestMetadata: undefined }],
    ['metadata without a request id', { requestMetadata: { ...metadata, kmsRequestId: undefined } }],
    ['no plaintext', { encryptionAlgorithm: 'AES_GCM' }],
    ['another algorithm', { ...encryption, encryptionAlgorithm: 'AES_CBC' }],
    ['a plaintext that is not base64', { ...encryption, plaintext: 'a*' }],
    ['a plaintext in URL-safe base64', { ...encryption, plaintext: '-_-_' }],
    [
      'a malformed plaintext besides long associated data',
      { ...encryption, plaintext: 'a*', additionalAuthenticatedData: 'A'.repeat(10_928) },
    ],
  ])('refuses %s as ValidationException', async (_name, fields) => {
    expect(await errorOf(onKey('full', 'encrypt', fields))).toBe('400 ValidationException');
  });

  it.each([
    ['associated data over 8192 bytes', { ...encryption, additionalAuthenticatedData: 'A'.repeat(10_928) }],
    ['a plaintext over 8448 bytes', { ...encryption, plaintext: 'A'.repeat(11_268) }],
    ['a body over 48 KiB', { ...encryption, plaintext: 'A'.repeat(50_000) }],
  ])('refuses %s as UnsupportedOperationException: the specification asks for less', async (_name, fields) => {
    expect(await errorOf(onKey('full', 'encrypt', fields))).toBe('501 UnsupportedOperationException');
  });

  it('passes over fields it does not know and operations it has not heard of', async () => {
    const requestMetadata = { ...metadata, kmsOperation: 'Frobnicate', awsSourceVpc: 'vpc-1' };
    expect((await onKey('full', 'encrypt', { ...encryption, requestMetadata, more: 1 })).status).toBe(200);
  });

  it('keeps to the usages of each key, and needs both for an integrity value', async () => {
    const withIntegrity = { ...encryption, ciphertextDataIntegrityValueAlgorithm: 'SHA_256' };
    expect((await onKey('encrypt-only', 'encrypt', encryption)).status).toBe(200);
    expect(await errorOf(onKey('encrypt-only', 'encrypt', withIntegrity))).toBe('400 InvalidKeyUsageException');
    for (const keyId of ['decrypt-only', 'impotent']) {
      expect(await errorOf(onKey(keyId, 'encrypt', encryption))).toBe('400 InvalidKeyUsageException');
    }
  });

  it('F6: a key that its owner disables stops within a second, and says DISABLED', async () => {
    await scene.setStatus('other', 'DISABLED');
    await expect
      .poll(() => errorOf(onKey('other', 'encrypt', encryption)), { timeout: 1000, interval: 50 })
      .toBe('400 InvalidStateException');
    expect((await onKey('other', 'metadata')).text).toContain('"keyStatus":"DISABLED"');
    await scene.setStatus('other', 'ENABLED');
  });

  it('asks the policy of the owner, and keeps a record of every call', async () => {
    const requestMetadata = {
      ...metadata,
      kmsOperation: 'Forbidden',
      kmsRequestId: `f-${randomBytes(4).toString('hex')}`,
    };
    expect(await errorOf(onKey('full', 'encrypt', { ...encryption, requestMetadata }))).toBe(
      '403 AccessDeniedException',
    );
    const event = scene.events.find(({ requestId }) => requestId === requestMetadata.kmsRequestId);
    expect(event).toMatchObject({
      product: 'Xki',
      action: 'encrypt',
      outcome: 'AccessDeniedException',
      accessKeyId: credential.accessKeyId,
      resources: [`${prefix}/keys/full`],
    });
    expect(JSON.stringify(scene.events)).not.toContain(encryption.plaintext);
  });
});
