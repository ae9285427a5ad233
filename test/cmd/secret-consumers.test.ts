import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startTestServer } from '../support/kms-server.ts';

let dataDir: string;
beforeEach(async () => (dataDir = await mkdtemp(join(tmpdir(), 'kaap-consumers-'))));
afterEach(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5 }));

it('a KMS knows after a restart who read a secret before, counted from signed requests that it answered', async () => {
  const environment = { KAAP_SEAL_FILE: join(dataDir, 'seal.key') };
  const first = await startTestServer({ dataDir, environment });
  await first.client.call('Kms', 'CreateSecret', { SecretName: 'shop/db', SecretData: 'one', VersionId: 'v1' });
  const asked = { SecretName: 'shop/db' };
  expect(await first.client.listSecretConsumers(asked)).toMatchObject({ ReadCount: 0, LastUsedTime: '' });
  await first.client.call('Kms', 'GetSecretValue', asked);
  await first.client.call('Kms', 'BatchGetSecretValue', { SecretsList: JSON.stringify([asked]) });
  await expect(first.client.call('Kms', 'GetSecretValue', { SecretName: 'shop/none' })).rejects.toThrow();
  const before = await first.client.listSecretConsumers(asked);
  expect(before).toMatchObject({
    ReadCount: 2,
    Complete: true,
    Consumers: { Consumer: [{ Principal: 'acs:ram::1000000000000000:root', PodName: '', ReadCount: 2 }] },
  });
  await first.close();
  const second = await startTestServer({ dataDir, environment });
  const { ReadCount, LastUsedTime, ObservedSince, Consumers } = before;
  expect(await second.client.listSecretConsumers(asked)).toMatchObject({
    ReadCount,
    LastUsedTime,
    ObservedSince,
    Consumers,
  });
  await second.close();
}, 20_000);
