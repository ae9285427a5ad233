import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../support/kms-server.ts';
import { credential, instance, prefix, region, XkiScene } from '../support/xki-scene.ts';

let scene: XkiScene;
let folder: string;
beforeAll(async () => {
  scene = await XkiScene.start();
  folder = await mkdtemp(join(tmpdir(), 'kaap-xki-seal-'));
  const { accessKeyId: AccessKeyId, secretAccessKey: RawSecretAccessKey } = credential;
  const proxy = {
    XksProxyUriPath: `${prefix}/kms/xks/v1`,
    XksProxyAuthenticationCredential: { AccessKeyId, RawSecretAccessKey },
  };
  const configurationFile = join(folder, 'proxy.json');
  await writeFile(configurationFile, JSON.stringify(proxy));
  const trust = { certificateFingerprint: scene.fingerprint, allowedNetworks: ['127.0.0.0/8', '::1'] };
  const external = { id: instance, type: 'External', endpoint: scene.endpoint, region, configurationFile, ...trust };
  await writeFile(join(folder, 'instances'), JSON.stringify([external]));
});
afterAll(async () => {
  await scene.close();
  await rm(folder, { recursive: true });
});

async function serve(root?: TestServer['root']): Promise<TestServer> {
  const seal = { KAAP_SEAL: `xki:${instance}/full`, KAAP_SEAL_FILE: '' };
  const environment = { ...seal, KAAP_INSTANCES_FILE: join(folder, 'instances') };
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
