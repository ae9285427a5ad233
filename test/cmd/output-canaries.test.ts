import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isKmsClientError, KmsClient, staticCredentials } from '../../src/client/kms-client.ts';
import { documentedActions } from '../../tools/generate/documented-actions.ts';
import { makeKmsHome, startKmsProcess, type KmsHome, type KmsProcess } from '../support/kms-process.ts';

let folder: string;
let home: KmsHome;
let metricsPort: number;
let kms: KmsProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kaap-output-'));
  metricsPort = await freePort();
  const more = { KAAP_METRICS_LISTEN: `127.0.0.1:${metricsPort}`, KAAP_LOG_LEVEL: 'debug' };
  home = await makeKmsHome(folder, more);
  kms = await startKmsProcess(home);
});
afterAll(async () => {
  await kms.end('SIGTERM');
  await rm(folder, { recursive: true, maxRetries: 5 });
});

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Parameters whose values nobody may see who has not sent them. Names and descriptions are no secrets. */
const confidential = new Set(['Plaintext', 'SecretData', 'EncryptedKeyMaterial', 'ImportToken', 'Message', 'Password']);

const canary = `canary${randomBytes(15).toString('hex')}`;
const base64 = Buffer.from(canary).toString('base64');

/** Sound values, and those that each check of a parameter would complain about. */
const values = [
  base64,
  canary,
  `${canary}\n"<&\u0000`,
  `${canary}é`,
  `${base64}====`,
  canary.repeat(3000),
  `{"a":"${canary}"`,
];

/** Where the canary stands: as it is, or in base64 at any of three offsets, or in hexadecimal. */
function holdsCanary(text: string): boolean {
  const bytes = Buffer.from(canary);
  const inBase64 = [0, 1, 2].map((skip) => bytes.subarray(skip, bytes.length - ((bytes.length - skip) % 3)));
  const needles = [canary, bytes.toString('hex'), ...inBase64.map((part) => part.toString('base64'))];
  return needles.some((needle) => text.includes(needle));
}

/** The error of a call, with everything that it carries; nothing when it succeeds. */
async function errorOf(client: KmsClient, action: string, parameters: Record<string, unknown>): Promise<string> {
  try {
    await client.call('Kms', action, parameters);
    return '';
  } catch (error) {
    if (!isKmsClientError(error)) throw error;
    return `${error.stack} ${JSON.stringify(error)} ${JSON.stringify(error.detail)} ${String(error.cause)}`;
  }
}

async function auditLog(): Promise<string> {
  const directory = join(home.dataDir, 'audit');
  const texts = (await readdir(directory)).map((name) => readFile(join(directory, name), 'latin1'));
  return (await Promise.all(texts)).join('');
}

it('H4: no error, log, metric or audit record holds what was confidential in a call, however wrong the call was', async () => {
  const { KeyMetadata } = await kms.client.createKey({});
  await kms.client.createSecret({ SecretName: 'shop/db', SecretData: canary, VersionId: 'v1' });
  const stranger = new KmsClient({
    endpoint: kms.endpoint,
    caPem: home.caPem,
    region: 'local',
    maxAttempts: 1,
    credentials: staticCredentials({ accessKeyId: 'LTAI0000000000000000', accessKeySecret: canary }),
  });
  const common = { KeyId: KeyMetadata.KeyId, SecretName: 'shop/db', VersionId: 'v2', AapName: 'none' };
  let refused = 0;
  for (const { name, parameters } of documentedActions) {
    for (const parameter of parameters.filter((one) => confidential.has(one))) {
      for (const value of values) {
        for (const client of [kms.client, stranger]) {
          const error = await errorOf(client, name, { ...common, [parameter]: value });
          expect(holdsCanary(error), `${name} ${parameter}`).toBe(false);
          if (error !== '') refused += 1;
        }
      }
    }
  }
  stranger.close();
  expect(refused).toBeGreaterThan(100);
  const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  expect(metrics).toContain('kaap_requests_total');
  expect(holdsCanary(metrics)).toBe(false);
  const audited = await auditLog();
  // What was searched is what it should be.
  expect(audited).toContain('LTAI0000000000000000');
  expect(holdsCanary(audited)).toBe(false);
  expect(kms.log()).toContain('kms serves');
  expect(holdsCanary(kms.log())).toBe(false);
});
