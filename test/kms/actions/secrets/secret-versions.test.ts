import { beforeEach, describe, expect, it } from 'vitest';
import { secretVersionKey } from '../../../../src/kms/records/secret-version.ts';
import { arn } from '../../kms-scene.ts';
import { SecretScene } from '../../secret-scene.ts';

let kms: SecretScene;
beforeEach(() => {
  kms = new SecretScene();
});

describe('PutSecretValue', () => {
  it('moves ACSCurrent to the new version and ACSPrevious to the one before', async () => {
    await kms.create();
    expect(await kms.put('v2', 'two')).toEqual({
      SecretName: 'shop/db',
      VersionId: 'v2',
      VersionStages: { VersionStage: ['ACSCurrent'] },
    });
    await kms.put('v3', 'three');
    expect(await kms.stages()).toEqual({ v3: ['ACSCurrent'], v2: ['ACSPrevious'], v1: [] });
    expect(await kms.get({ VersionStage: 'ACSPrevious' })).toMatchObject({ SecretData: 'two', VersionId: 'v2' });
    expect(await kms.get({ VersionId: 'v1' })).toMatchObject({
      SecretData: 'one',
      VersionStages: { VersionStage: [] },
    });
  });

  it('succeeds again with the same value, and refuses another one under the same version id', async () => {
    await kms.create();
    await kms.put('v2', 'two');
    expect(await kms.put('v2', 'two')).toMatchObject({ VersionId: 'v2' });
    const refused =
      'Rejected.ResourceExist: Secret shop/db has a version of this VersionId with another value. Use a new VersionId.';
    const again = { SecretName: 'shop/db', VersionId: 'v2' };
    expect(await kms.failure('PutSecretValue', { ...again, SecretData: 'other' })).toBe(refused);
    expect(await kms.failure('PutSecretValue', { ...again, SecretData: 'dHdv', SecretDataType: 'binary' })).toBe(
      refused,
    );
  });

  it('calls that race with the same version store one value', async () => {
    await kms.create();
    const same = await Promise.all(Array.from({ length: 5 }, () => kms.put('v2', 'two')));
    expect(same.map(({ VersionId }) => VersionId)).toEqual(Array.from({ length: 5 }, () => 'v2'));
    const different = await Promise.allSettled(['x', 'y', 'z'].map((value) => kms.put('v3', value)));
    expect(different.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('keeps ten versions, and drops the oldest that is neither current nor previous', async () => {
    await kms.create();
    for (let version = 2; version <= 12; version += 1) await kms.put(`v${version}`, `value ${version}`);
    expect(Object.keys(await kms.stages())).toEqual(['v12', 'v11', 'v10', 'v9', 'v8', 'v7', 'v6', 'v5', 'v4', 'v3']);
    expect(await kms.store.get('kms/secret-versions', secretVersionKey('shop/db', 'v2'))).toBeUndefined();
    await expect(kms.get({ VersionId: 'v2' })).rejects.toMatchObject({
      code: 'Forbidden.ResourceNotFound',
      message: 'Secret shop/db has no such version. ListSecretVersionIds shows those that exist and their stages.',
    });
  });

  it('takes stages of its own, without moving ACSCurrent', async () => {
    await kms.create();
    await kms.put('v2', 'two', { VersionStages: '["test"]' });
    expect(await kms.get()).toMatchObject({ SecretData: 'one' });
    expect(await kms.get({ VersionStage: 'test' })).toMatchObject({ SecretData: 'two' });
    await expect(kms.get({ VersionId: 'v1', VersionStage: 'test' })).rejects.toMatchObject({
      code: 'Forbidden.ResourceNotFound',
    });
    await expect(kms.get({ VersionStage: 'constructor' })).rejects.toMatchObject({
      code: 'Forbidden.ResourceNotFound',
    });
  });
});

describe('UpdateSecretVersionStage', () => {
  it('moves stages, and ACSPrevious follows ACSCurrent', async () => {
    await kms.create();
    await kms.put('v2', 'two');
    await kms.put('v3', 'three');
    const move = { SecretName: 'shop/db', VersionStage: 'ACSCurrent', MoveToVersion: 'v1', RemoveFromVersion: 'v3' };
    await kms.call('UpdateSecretVersionStage', move);
    expect(await kms.stages()).toEqual({ v3: ['ACSPrevious'], v2: [], v1: ['ACSCurrent'] });
  });

  it('does not merely remove ACSCurrent or ACSPrevious', async () => {
    await kms.create();
    const message =
      'MissingParameter: The parameter MoveToVersion is required: only a stage of your own can be removed without it.';
    const remove = { SecretName: 'shop/db', VersionStage: 'ACSCurrent', RemoveFromVersion: 'v1' };
    expect(await kms.failure('UpdateSecretVersionStage', remove)).toBe(message);
    await kms.call('UpdateSecretVersionStage', { SecretName: 'shop/db', VersionStage: 'mine', MoveToVersion: 'v1' });
    await kms.call('UpdateSecretVersionStage', { ...remove, VersionStage: 'mine' });
    expect(await kms.stages()).toEqual({ v1: ['ACSCurrent'] });
    expect(await kms.failure('UpdateSecretVersionStage', { ...remove, VersionStage: 'mine' })).toBe(
      'InvalidParameter: The parameter RemoveFromVersion must name the version that has the stage.',
    );
    expect(
      await kms.failure('UpdateSecretVersionStage', {
        SecretName: 'shop/db',
        VersionStage: 'mine',
        MoveToVersion: 'v9',
      }),
    ).toMatch(/^Forbidden.ResourceNotFound: Secret shop\/db has no such version/);
  });
});

describe('BatchGetSecretValue', () => {
  it('gives values and errors side by side, and needs the permission on each', async () => {
    await kms.create();
    await kms.create({ SecretName: 'shop/api', SecretData: 'two' });
    const SecretsList = [{ SecretName: 'shop/db' }, { SecretName: 'shop/none' }, { SecretName: 'shop/api' }];
    expect(await kms.access('BatchGetSecretValue', { SecretsList })).toEqual(
      SecretsList.map(({ SecretName }) => `kms:GetSecretValue on ${arn(`secret/${SecretName}`)}`),
    );
    const { SecretValues, Errors } = await kms.call('BatchGetSecretValue', {
      SecretsList: JSON.stringify(SecretsList),
    });
    expect((SecretValues as { SecretData: string }[]).map(({ SecretData }) => SecretData)).toEqual(['one', 'two']);
    expect(Errors).toEqual([
      {
        Code: 'Forbidden.ResourceNotFound',
        HttpStatus: 404,
        Message: 'There is no secret shop/none. ListSecrets shows those that exist.',
        SecretName: 'shop/none',
      },
    ]);
    const many = Array.from({ length: 21 }, () => ({ SecretName: 'x' }));
    expect(await kms.failure('BatchGetSecretValue', { SecretsList: many })).toBe(
      'InvalidParameter: The parameter SecretsList is not valid. It must be a list of 1 to 20 {"SecretName"}.',
    );
  });
});
