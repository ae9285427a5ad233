import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../support/kms-server.ts';
import { instance, XkiScene } from '../support/xki-scene.ts';

let scene: XkiScene;
let folder: string;
let instancesFile: string;
beforeAll(async () => {
  scene = await XkiScene.start();
  folder = await mkdtemp(join(tmpdir(), 'kaap-xki-seal-'));
  instancesFile = await scene.writeInstances(folder);
});
afterAll(async () => {
  await scene.close();
  await rm(folder, { recursive: true });
});

async function serve(root?: TestServer['root']): Promise<TestServer> {
  const seal = { KAAP_SEAL: `xki:${instance}/full`, KAAP_SEAL_FILE: '' };
  const environment = { ...seal, KAAP_INSTANCES_FILE: instancesFile };
  return startTestServer({ environment, dataDir: join(folder, 'data'), ...(root !== undefined && { root }) });
}

it('F6: an owner who seals the root key keeps a restarted kms sealed by disabling his key, until he enables it', async () => {
  const first = await serve();
  const { root } = first;
  const { KeyId } = (await first.client.createKey({})).KeyMetadata;
  await first.close();
  await scene.setStatus('full', 'DISABLED');
  const owner = scene.client();
  await expect
    .poll(() => owner.metadata('full'), { timeout: 1000, interval: 50 })
    .toMatchObject({ keyStatus: 'DISABLED' });
  const second = await serve(root);
  expect(second.service.notReady()).toContain(
    `The key of the seal in ${instance} cannot be used: The external key full is DISABLED at its owner.`,
  );
  await scene.setStatus('full', 'ENABLED');
  await expect.poll(() => second.service.notReady(), { timeout: 20_000 }).toBeUndefined();
  await second.client.call('Kms', 'Encrypt', { KeyId, Plaintext: 'c2VhbGVk' });
  await second.close();
});
