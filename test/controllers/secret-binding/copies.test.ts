import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applicationAccessPointType } from '../../../src/api/v1alpha1/application-access-point.ts';
import { rbacPolicyType } from '../../../src/api/v1alpha1/rbac-policy.ts';
import { secretBindingType } from '../../../src/api/v1alpha1/secret-binding.ts';
import { secretType, startOperatorScene, type OperatorScene } from '../operator-scene.ts';

let scene: OperatorScene;

const binding = {
  podSelector: { matchLabels: { app: 'web' } },
  accessPoint: 'shop',
  sources: [{ name: 'db', secret: { name: 'shop/db' } }],
  env: [{ name: 'DB_PASSWORD', source: 'db' }],
  mountPath: '/var/run/secrets/kaap',
  envMethod: 'Auto',
  envReferences: 'Forbidden',
};

beforeAll(async () => {
  scene = await startOperatorScene();
  await scene.kms.createSecret({ SecretName: 'shop/db', SecretData: 'canary-password', VersionId: 'v1' });
  await scene.apply(rbacPolicyType, 'shop', {
    templates: ['SecretUser'],
    resources: ['secret/shop/*'],
    scope: 'shared',
  });
  const serviceAccounts = [{ namespace: 'shop', name: 'web' }];
  await scene.apply(applicationAccessPointType, 'shop', {
    authentication: { ramRole: { trustedRole: 'ServiceAccountRole', roleName: 'shop', serviceAccounts } },
    policies: ['shop'],
    mode: 'Enforce',
  });
  await scene.withReason(applicationAccessPointType, 'shop', 'Ready');
});
afterAll(() => scene.close());

describe('B7: an owner who may only create SecretBindings', () => {
  it('gets no copy of a value: no Secret is made, and nobody reads the value for him', async () => {
    await scene.apply(secretBindingType, 'web', binding, 'shop');
    const ready = await scene.withReason(secretBindingType, 'web', 'Ready', 'shop');
    const secrets = await scene.standalone.cluster.list(secretType, { signal: scene.signal });
    expect(secrets).toEqual([]);
    expect(JSON.stringify(ready)).not.toContain('canary-password');
    const folder = scene.standalone.service.auditDir;
    const files = await readdir(folder);
    const log = (await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))).join('');
    expect(log).toContain('"DescribeSecret"');
    expect(log).not.toContain('"GetSecretValue"');
  });

  it('cannot point a binding of his namespace at the access point of another', async () => {
    await scene.apply(secretBindingType, 'web', binding, 'bank');
    await scene.withReason(secretBindingType, 'web', 'ServiceAccountNotListed', 'bank');
  });
});
