import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kmsKeyType } from '../../src/api/v1alpha1/kms-key.ts';
import { kmsSecretType } from '../../src/api/v1alpha1/kms-secret.ts';
import { ControllerScene } from './controller-scene.ts';

let scene: ControllerScene;

beforeAll(async () => {
  scene = await ControllerScene.start({ driftIntervalMs: 600_000 });
  await scene.namespace('shop');
});
afterAll(() => scene.stop());

const key = { namespace: 'shop', name: 'main' };
const secret = { namespace: 'shop', name: 'token' };

async function keyIdOf(spec: object): Promise<string> {
  return String((await scene.ready(kmsKeyType, key, spec)).status?.['keyId']);
}

describe('G5: an object that is deleted and applied again', () => {
  it('gets back the key that was retained', async () => {
    const before = await keyIdOf({});
    await scene.delete(kmsKeyType, key);
    expect(await keyIdOf({})).toBe(before);
  });

  it('gets back the key whose deletion was planned, which is then no longer planned', async () => {
    const spec = { deletionPolicy: 'ScheduleDeletion', pendingWindowDays: 7 };
    const before = await keyIdOf(spec);
    await scene.delete(kmsKeyType, key);
    await scene.untilKms('DescribeKey', { KeyId: before }, (answer) => answer.includes('PendingDeletion'));
    expect(await keyIdOf(spec)).toBe(before);
    await scene.untilKms('DescribeKey', { KeyId: before }, (answer) => answer.includes('"Enabled"'));
  });

  it('does not get back a key that is of another kind than it asks for', async () => {
    await scene.apply(kmsKeyType, { ...key, name: 'signer' }, {});
    await scene.condition(kmsKeyType, { ...key, name: 'signer' }, 'Ready');
    await scene.delete(kmsKeyType, { ...key, name: 'signer' });
    await scene.apply(kmsKeyType, { ...key, name: 'signer' }, { keySpec: 'EC_P256', keyUsage: 'SIGN/VERIFY' });
    await scene.condition(kmsKeyType, { ...key, name: 'signer' }, 'AliasTaken');
  });

  it('gets back the secret whose deletion was planned, with its value', async () => {
    const spec = { generate: {}, deletionPolicy: 'Delete', recoveryWindowDays: 7 };
    await scene.ready(kmsSecretType, secret, spec);
    const before = await scene.kms.call('Kms', 'GetSecretValue', { SecretName: 'shop/token' });
    await scene.delete(kmsSecretType, secret);
    await scene.ready(kmsSecretType, secret, spec);
    const after = await scene.kms.call('Kms', 'GetSecretValue', { SecretName: 'shop/token' });
    expect(after['SecretData']).toBe(before['SecretData']);
  });
});

describe('B5: whoever gets a namespace of the same name later', () => {
  it('does not get the key and the secret of the earlier one, and is told how they are handed over', async () => {
    await scene.ready(kmsSecretType, secret, { generate: {}, deletionPolicy: 'Retain' });
    await scene.delete(kmsKeyType, key);
    await scene.delete(kmsSecretType, secret);
    await scene.namespace('shop');
    await scene.apply(kmsKeyType, key, {});
    const taken = await scene.condition(kmsKeyType, key, 'AliasTaken');
    expect(taken.message).toContain('kaap call TagResource KeyId=');
    await scene.apply(kmsSecretType, secret, { generate: {} });
    expect((await scene.condition(kmsSecretType, secret, 'SecretTaken')).message).toContain('kaap.dev/owner');
  });

  it('gets them when an administrator hands them over as the message says', async () => {
    const { message } = await scene.condition(kmsSecretType, secret, 'SecretTaken');
    const Tags = /Tags='(.*)'/.exec(message)?.[1];
    await scene.kms.call('Kms', 'TagResource', { SecretName: 'shop/token', Tags });
    await scene.ready(kmsSecretType, secret, { generate: {}, description: 'look again' });
  });
});

describe('B4: two objects that name one secret', () => {
  it('do not both get it', async () => {
    await scene.ready(kmsSecretType, { namespace: 'shop', name: 'one' }, { name: 'db', generate: {} });
    await scene.apply(kmsSecretType, { namespace: 'shop', name: 'two' }, { name: 'db', generate: {} });
    await scene.condition(kmsSecretType, { namespace: 'shop', name: 'two' }, 'SecretTaken');
  });

  it('B2: leaves alone a secret that is about to be deleted and that it did not make', async () => {
    const SecretName = 'shop/foreign';
    await scene.kms.call('Kms', 'CreateSecret', { SecretName, SecretData: 'x', VersionId: 'v1' });
    await scene.kms.call('Kms', 'DeleteSecret', { SecretName, RecoveryWindowInDays: '7' });
    await scene.apply(kmsSecretType, { namespace: 'shop', name: 'foreign' }, { generate: {} });
    await scene.condition(kmsSecretType, { namespace: 'shop', name: 'foreign' }, 'SecretPendingDeletion');
  });
});
