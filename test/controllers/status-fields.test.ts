import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applicationAccessPointType } from '../../src/api/v1alpha1/application-access-point.ts';
import { kmsSecretType } from '../../src/api/v1alpha1/kms-secret.ts';
import { rbacPolicyType } from '../../src/api/v1alpha1/rbac-policy.ts';
import { secretBindingType } from '../../src/api/v1alpha1/secret-binding.ts';
import { ControllerScene } from './controller-scene.ts';

let scene: ControllerScene;

beforeAll(async () => {
  scene = await ControllerScene.start({ driftIntervalMs: 200 });
  await scene.namespace('shop');
});
afterAll(() => scene.stop());

describe('The status of a KmsSecret', () => {
  const ref = { namespace: 'shop', name: 'db' };
  const status = async (): Promise<Record<string, unknown>> => (await scene.read(kmsSecretType, ref))?.status ?? {};

  beforeAll(() => scene.ready(kmsSecretType, ref, { generate: {} }));

  it('names the version that is current, and follows it', async () => {
    expect((await status())['versionId']).toBe('v1');
    await scene.kms.putSecretValue({ SecretName: 'shop/db', SecretData: 'x', VersionId: 'v2' });
    await scene.until(async () => ((await status())['versionId'] === 'v2' ? true : undefined));
  });

  it('says who has read the value, and when last', async () => {
    expect(await status()).toMatchObject({ usesKnownSince: expect.stringMatching(/Z$/) as string });
    expect(await status()).not.toHaveProperty('lastUsedTime');
    await scene.kms.getSecretValue({ SecretName: 'shop/db' });
    await scene.until(async () => (await status())['lastUsedTime']);
    expect((await status())['consumers']).toMatchObject([{ name: expect.stringContaining(':root') as string }]);
  });
});

describe('The condition RolledOut of a SecretBinding', () => {
  const ref = { namespace: 'shop', name: 'db' };
  const spec = {
    podSelector: { matchLabels: { app: 'web' } },
    accessPoint: 'shop',
    sources: [{ name: 'db', secret: { name: 'shop/db' } }],
    env: [{ name: 'DB', source: 'db' }],
  };

  beforeAll(async () => {
    await scene.ready(rbacPolicyType, { name: 'shop' }, { templates: ['SecretUser'], resources: ['secret/shop/*'] });
    const serviceAccounts = [{ namespace: 'shop', name: 'web' }];
    const authentication = { ramRole: { trustedRole: 'ServiceAccountRole', roleName: 'shop', serviceAccounts } };
    await scene.ready(applicationAccessPointType, { name: 'shop' }, { authentication, policies: ['shop'] });
  });

  it('goes when the binding asks for no rollouts any more', async () => {
    await scene.apply(secretBindingType, ref, { ...spec, refresh: { onChange: 'Rollout' } });
    await scene.condition(secretBindingType, ref, 'RolloutDisabled', 'RolledOut');
    await scene.apply(secretBindingType, ref, { ...spec, refresh: { onChange: 'None' } });
    await scene.until(async () => {
      const conditions = (await scene.read(secretBindingType, ref))?.status?.conditions ?? [];
      return conditions.some(({ type }) => type === 'RolledOut') ? undefined : true;
    });
  });
});
