import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applicationAccessPointType } from '../../src/api/v1alpha1/application-access-point.ts';
import { kmsKeyType } from '../../src/api/v1alpha1/kms-key.ts';
import { kmsSecretType } from '../../src/api/v1alpha1/kms-secret.ts';
import { networkRuleType } from '../../src/api/v1alpha1/network-rule.ts';
import { rbacPolicyType } from '../../src/api/v1alpha1/rbac-policy.ts';
import { openClientKeyFile, type KmsClient } from '../../src/client/kms-client.ts';
import type { Standalone } from '../../src/cmd/standalone/standalone.ts';
import { abandonAnnotation, finalizer } from '../../src/controllers/lifecycle.ts';
import type { ResourceType } from '../../src/kube/resource.ts';
import { secretType, startOperatorScene, until, type OperatorScene, type Subject } from './operator-scene.ts';

let scene: OperatorScene;
let standalone: Standalone;
let kms: KmsClient;
let apply: OperatorScene['apply'];
let withReason: OperatorScene['withReason'];
let gone: OperatorScene['gone'];
const { signal } = new AbortController();

beforeAll(async () => {
  scene = await startOperatorScene();
  ({ standalone, kms, apply, withReason, gone } = scene);
});

afterAll(() => scene.close());

const privateRule = { type: 'Private', addresses: ['10.0.0.0/8', '127.0.0.0/8'] };
const reader = { templates: ['SecretUser'], resources: ['secret/shop/*'], networkRules: ['private'] };

describe('Network rules and policies', () => {
  it('of which one names the other become Ready in any order', async () => {
    await apply(rbacPolicyType, 'reader', reader);
    const waiting = await withReason(rbacPolicyType, 'reader', 'NetworkRuleNotFound');
    expect(waiting.status?.conditions?.[0]?.message).toContain('names private, which does not exist');
    await apply(networkRuleType, 'private', privateRule);
    await withReason(networkRuleType, 'private', 'Ready');
    await withReason(rbacPolicyType, 'reader', 'Ready');
    const { Resources } = await kms.call('Kms', 'DescribePolicy', { Name: 'reader' });
    expect(Resources).toEqual(['secret/shop/*']);
  });

  it('follow a change of the object', async () => {
    await apply(networkRuleType, 'private', { ...privateRule, addresses: ['192.168.0.0/16', '127.0.0.0/8'] });
    await until(async () => {
      const { SourcePrivateIp } = await kms.call('Kms', 'DescribeNetworkRule', { Name: 'private' });
      return String(SourcePrivateIp).includes('192.168.0.0/16') ? true : undefined;
    });
  });

  it('are kept as long as somebody names them, and say so', async () => {
    await standalone.cluster.delete(networkRuleType, { name: 'private' }, { signal });
    const held = await withReason(networkRuleType, 'private', 'ReleaseBlocked');
    expect(held.metadata.finalizers).toContain(finalizer);
    expect(held.status?.conditions?.[0]?.message).toContain(abandonAnnotation);
    await standalone.cluster.delete(rbacPolicyType, { name: 'reader' }, { signal });
    await gone(rbacPolicyType, 'reader');
    await gone(networkRuleType, 'private');
  });
});

describe('An access point by client key', () => {
  const authentication = {
    clientKey: {
      validityDays: 30,
      secretRef: { namespace: 'shop', name: 'client-key' },
      serviceAccounts: [{ namespace: 'shop', name: 'shop' }],
    },
  };

  beforeAll(async () => {
    await apply(rbacPolicyType, 'keyed', { templates: ['SecretUser'], resources: ['secret/shop/*'] });
    await withReason(rbacPolicyType, 'keyed', 'Ready');
  });

  it('B2: does not take over a Secret that is there, and says so', async () => {
    const metadata = { name: 'client-key', namespace: 'shop' };
    await standalone.cluster.create(secretType, { metadata }, { signal });
    await apply(applicationAccessPointType, 'keyed', { authentication, policies: ['keyed'] });
    const refused = await withReason(applicationAccessPointType, 'keyed', 'SecretExists');
    expect(refused.status?.conditions?.[0]?.message).toContain('shop/client-key exists already and is not overwritten');
    await standalone.cluster.delete(secretType, metadata, { signal });
  });

  it('C10: delivers the file once, with the password in KMS only', async () => {
    await apply(applicationAccessPointType, 'keyed', { authentication, policies: ['keyed'], description: 'again' });
    const ready = await withReason(applicationAccessPointType, 'keyed', 'Ready');
    const keyId = String(ready.status?.['clientKeyId']);
    const secret = (await standalone.cluster.get(
      secretType as ResourceType<Subject & { data: Record<string, string> }>,
      { name: 'client-key', namespace: 'shop' },
      { signal },
    ))!;
    const file = Buffer.from(secret.data['client-key.json'] ?? '', 'base64').toString('utf8');
    const stored = await kms.call('Kms', 'GetSecretValue', { SecretName: `kaap/client-key/keyed/${keyId}` });
    const password = String(stored['SecretData']);
    expect(openClientKeyFile(file, password).keyId).toBe(keyId);
    expect(JSON.stringify([secret, ready])).not.toContain(password);
    const { ClientKeys } = await kms.call('Kms', 'ListClientKeys', { AapName: 'keyed' });
    expect(ClientKeys).toHaveLength(1);
  });

  it('takes its keys and their passwords along when it is deleted', async () => {
    await standalone.cluster.delete(applicationAccessPointType, { name: 'keyed' }, { signal });
    await gone(applicationAccessPointType, 'keyed');
    const { SecretList } = (await kms.call('Kms', 'ListSecrets', {})) as { SecretList: { Secret: object[] } };
    expect(SecretList.Secret).toEqual([]);
  });
});

describe('A key', () => {
  it('is made once, with its alias, and repaired when somebody disables it', async () => {
    await apply(kmsKeyType, 'main', {}, 'shop');
    const ready = await withReason(kmsKeyType, 'main', 'Ready', 'shop');
    const keyId = String(ready.status?.['keyId']);
    expect(ready.status).toMatchObject({ keyState: 'Enabled', aliases: ['alias/shop/main'] });
    await kms.call('Kms', 'DisableKey', { KeyId: keyId });
    await apply(kmsKeyType, 'main', { description: 'look again' }, 'shop');
    await until(async () => {
      const { KeyMetadata } = await kms.call('Kms', 'DescribeKey', { KeyId: 'alias/shop/main' });
      const { KeyState, KeyId, Description } = KeyMetadata as Record<string, string>;
      return KeyId === keyId && KeyState === 'Enabled' && Description === 'look again' ? true : undefined;
    });
    const { TotalCount } = await kms.call('Kms', 'ListKeys', {});
    expect(TotalCount).toBe(1);
  });

  it('does not take an alias from another key', async () => {
    await apply(kmsKeyType, 'second', { aliases: ['main'] }, 'shop');
    const refused = await withReason(kmsKeyType, 'second', 'AliasTaken', 'shop');
    expect(refused.status?.conditions?.[0]?.message).toContain('alias/shop/main points to another key');
  });

  it('G5: stays in KMS when its object is deleted, unless the object says otherwise', async () => {
    await apply(kmsKeyType, 'doomed', { deletionPolicy: 'ScheduleDeletion', pendingWindowDays: 7 }, 'shop');
    const doomed = await withReason(kmsKeyType, 'doomed', 'Ready', 'shop');
    for (const name of ['main', 'doomed']) {
      await standalone.cluster.delete(kmsKeyType, { name, namespace: 'shop' }, { signal });
      await gone(kmsKeyType, name, 'shop');
    }
    const state = async (KeyId: string): Promise<unknown> =>
      ((await kms.call('Kms', 'DescribeKey', { KeyId }))['KeyMetadata'] as Record<string, unknown>)['KeyState'];
    expect(await state('alias/shop/main')).toBe('Enabled');
    expect(await state(String(doomed.status?.['keyId']))).toBe('PendingDeletion');
  });
});

describe('A secret', () => {
  it('gets a value that is made inside KMS and is in no object', async () => {
    await apply(kmsSecretType, 'token', { generate: { length: 40, excludePunctuation: true } }, 'shop');
    const ready = await withReason(kmsSecretType, 'token', 'Ready', 'shop');
    const { SecretData } = await kms.call('Kms', 'GetSecretValue', { SecretName: 'shop/token' });
    expect(String(SecretData)).toMatch(/^[A-Za-z0-9]{40}$/);
    expect(JSON.stringify(ready)).not.toContain(String(SecretData));
  });

  it('without a generator waits for somebody to put its value', async () => {
    await apply(kmsSecretType, 'manual', {}, 'shop');
    const waiting = await withReason(kmsSecretType, 'manual', 'NoValue', 'shop');
    expect(waiting.status?.conditions?.[0]?.message).toContain('kaap secret put shop/manual');
  });
});
