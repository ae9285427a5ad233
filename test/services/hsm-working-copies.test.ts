import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { instance, startHsm, type HsmScene } from './hsm-scene.ts';
import { createSoftHsmToken, type SoftHsmToken } from './softhsm-token.ts';

const placement = { scope: instance, storage: 'HsmInternal' } as const;
const none = Buffer.alloc(0);

describe('An hsm process that works with copies of its keys', () => {
  let token: SoftHsmToken;
  let scene: HsmScene;
  let other: HsmScene;

  beforeAll(async () => {
    token = createSoftHsmToken();
    scene = await startHsm({ KAAP_HSM_COPY_SECONDS: '1' }, token);
    const elsewhere = join(token.pinFile, '..', 'other', 'hsm.sock');
    other = await startHsm({ KAAP_HSM_SOCKET: elsewhere }, token);
  });
  afterAll(async () => {
    await scene.stop();
    await other.stop();
    token.remove();
  });

  it('E1: works with no key for longer than its copies last after another process has destroyed it', async () => {
    const material = await other.provider.generate('Aliyun_AES_256', placement);
    const parts = await scene.provider.encrypt(material, Buffer.from('text'), none);
    await other.provider.destroy(material);
    await sleep(1100);
    await expect(scene.provider.decrypt(material, parts, none)).rejects.toMatchObject({ code: 'Rejected.Unavailable' });
  });

  it('E1: works at once no more with a key that it has destroyed itself', async () => {
    const material = await scene.provider.generate('HMAC_SHA_256', placement);
    await scene.provider.mac(material, Buffer.from('message'));
    await scene.provider.destroy(material);
    await expect(scene.provider.mac(material, Buffer.from('message'))).rejects.toMatchObject({
      code: 'Rejected.Unavailable',
    });
    await expect(scene.client.call('ping')).resolves.toEqual([]);
  });

  it('goes on with a key whose copies come and go', async () => {
    const material = await scene.provider.generate('Aliyun_AES_256', placement);
    const end = performance.now() + 2500;
    let done = 0;
    for (; performance.now() < end; done += 1) {
      const parts = await scene.provider.encrypt(material, Buffer.from(`text ${done}`), none);
      expect((await scene.provider.decrypt(material, parts, none)).toString()).toBe(`text ${done}`);
    }
    expect(done).toBeGreaterThan(10);
    expect(scene.log()).not.toContain('is opened again');
  });
});
