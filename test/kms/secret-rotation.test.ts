import { createPrivateKey } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { rotateDueSecrets } from '../../src/kms/secret-rotation-round.ts';
import type { Answer } from './kms-scene.ts';
import { RotationScene } from './rotation-scene.ts';

const hourMs = 3_600_000;
let kms: RotationScene;
beforeEach(() => {
  kms = new RotationScene();
});

const create = (parameters: Answer): Promise<Answer> =>
  kms.call('CreateSecret', { SecretName: 's', VersionId: 'v1', ...parameters });
const rotate = (VersionId: string, SecretName = 's'): Promise<Answer> =>
  kms.call('RotateSecret', { SecretName, VersionId });
const round = (): ReturnType<typeof rotateDueSecrets> =>
  rotateDueSecrets(kms.dependencies, new AbortController().signal);

const account = { AccountName: 'app', AccountPassword: 'Old-password-1' };
const other = { AccountName: 'app2', AccountPassword: 'Old-password-2' };
const rds = (accounts: object[], SecretSubType = 'SingleUser'): Answer => ({
  SecretType: 'Rds',
  SecretData: JSON.stringify({ Accounts: accounts }),
  ExtendedConfig: JSON.stringify({ SecretSubType, DBInstanceId: 'rm-1', CustomData: { team: 'shop' } }),
});

describe('a generic secret with a generator', () => {
  const generator = JSON.stringify({
    PasswordLength: 20,
    ExcludePunctuation: 'true',
    Template: { user: 'app', host: 'db' },
    GeneratedField: 'password',
  });

  it('is made by its template, and rotation makes the one field anew and keeps what was put in the others', async () => {
    await create({ SecretDataGenerator: generator });
    const first = await kms.value('s');
    expect(first).toEqual({ user: 'app', host: 'db', password: expect.stringMatching(/^[A-Za-z0-9]{20}$/) });
    await kms.call('PutSecretValue', {
      SecretName: 's',
      VersionId: 'v2',
      SecretData: JSON.stringify({ ...first, host: 'db2' }),
    });
    expect(await rotate('v3')).toMatchObject({ SecretName: 's', VersionId: 'v3' });
    const rotated = await kms.value('s');
    expect(rotated).toMatchObject({ user: 'app', host: 'db2' });
    expect(rotated['password']).not.toBe(first['password']);
    expect(await kms.stages('s')).toEqual({ v3: ['ACSCurrent'], v2: ['ACSPrevious'], v1: [] });
  });

  it('rotates by itself at every interval, and says when', async () => {
    expect(
      await create({ SecretDataGenerator: '{}', EnableAutomaticRotation: 'true', RotationInterval: '6h' }),
    ).toMatchObject({
      AutomaticRotation: 'Enabled',
      RotationInterval: '21600s',
      NextRotationDate: '2026-01-01T06:00:00Z',
    });
    kms.clock.advance(6 * hourMs - 1);
    expect(await round()).toEqual({ rotated: [], failed: [] });
    kms.clock.advance(1);
    expect(await round()).toEqual({ rotated: ['s'], failed: [] });
    expect(await round()).toEqual({ rotated: [], failed: [] });
    const fields = {
      AutomaticRotation: 'Enabled',
      LastRotationDate: '2026-01-01T06:00:00Z',
      NextRotationDate: '2026-01-01T12:00:00Z',
      RotationInterval: '21600s',
    };
    expect(await kms.describe('s')).toMatchObject(fields);
    expect(await kms.call('GetSecretValue', { SecretName: 's' })).toMatchObject(fields);
  });

  it('is not rotated by two processes at once: one version is made', async () => {
    await create({ SecretDataGenerator: '{}' });
    await Promise.all(Array.from({ length: 5 }, () => rotate('v2')));
    expect(await kms.stages('s')).toEqual({ v2: ['ACSCurrent'], v1: ['ACSPrevious'] });
  });

  it('that is about to be deleted does not rotate', async () => {
    await create({ SecretDataGenerator: '{}', EnableAutomaticRotation: 'true', RotationInterval: '6h' });
    await kms.call('DeleteSecret', { SecretName: 's' });
    kms.clock.advance(7 * hourMs);
    expect(await round()).toEqual({ rotated: [], failed: [] });
  });

  it.each([
    [{ SecretDataGenerator: '{}', EnableAutomaticRotation: 'true' }, /^MissingParameter: .*RotationInterval/],
    [{ SecretDataGenerator: '{}', EnableAutomaticRotation: 'true', RotationInterval: '5h' }, /6 to 8760 hours/],
    [{ SecretDataGenerator: '{}', EnableAutomaticRotation: 'true', RotationInterval: '366d' }, /6 to 8760 hours/],
    [
      { SecretData: 'x', EnableAutomaticRotation: 'true', RotationInterval: '7d' },
      /^UnsupportedOperation: .*SecretDataGenerator/,
    ],
    [{ SecretDataGenerator: '{"Template":{"a":"b"}}' }, /also GeneratedField/],
  ])('is refused with %j', async (parameters, error) => {
    expect(await kms.failure('CreateSecret', { SecretName: 's', VersionId: 'v1', ...parameters })).toMatch(error);
  });
});

describe('UpdateSecretRotationPolicy', () => {
  it('switches automatic rotation on and off, and gives a generic secret its generator', async () => {
    await create({ SecretData: 'x' });
    const policy = { SecretName: 's', EnableAutomaticRotation: 'true', RotationInterval: '7d' };
    expect(await kms.failure('UpdateSecretRotationPolicy', policy)).toMatch(/^UnsupportedOperation/);
    await kms.call('UpdateSecretRotationPolicy', { ...policy, SecretDataGenerator: '{"PasswordLength":"12"}' });
    expect(await kms.describe('s')).toMatchObject({ AutomaticRotation: 'Enabled', RotationInterval: '604800s' });
    await kms.call('UpdateSecretRotationPolicy', { SecretName: 's', EnableAutomaticRotation: 'false' });
    expect(await kms.describe('s')).toMatchObject({
      AutomaticRotation: 'Disabled',
      RotationInterval: '',
      NextRotationDate: '',
    });
    await rotate('v2');
    expect(String((await kms.call('GetSecretValue', { SecretName: 's' }))['SecretData'])).toHaveLength(12);
  });
});

describe('RotateSecret', () => {
  it('answers again for a version that is there, and refuses a secret that nothing rotates', async () => {
    await create({ SecretDataGenerator: '{}' });
    await rotate('v2');
    const value = (await kms.call('GetSecretValue', { SecretName: 's' }))['SecretData'];
    await rotate('v2');
    expect((await kms.call('GetSecretValue', { SecretName: 's' }))['SecretData']).toBe(value);
    await create({ SecretName: 'plain', SecretData: 'x' });
    expect(await kms.failure('RotateSecret', { SecretName: 'plain', VersionId: 'v2' })).toMatch(
      /^UnsupportedOperation/,
    );
  });

  it('is done at most fifty times an hour', async () => {
    await create({ SecretDataGenerator: '{}' });
    for (let at = 0; at < 50; at += 1) await rotate(`r${at}`);
    expect(await kms.failure('RotateSecret', { SecretName: 's', VersionId: 'more' })).toMatch(
      /^Rejected.LimitExceeded/,
    );
    expect(await rotate('r49')).toMatchObject({ VersionId: 'r49' });
    kms.clock.advance(hourMs);
    await rotate('more');
  });
});

describe('a database secret', () => {
  it('gives one account, and rotation has the hook set its new password before it becomes current', async () => {
    expect(await create(rds([account]))).toMatchObject({ SecretType: 'Rds' });
    expect(await kms.value('s')).toEqual(account);
    await rotate('v2');
    const current = await kms.value('s');
    expect(current).toEqual({ AccountName: 'app', AccountPassword: expect.stringMatching(/^[\w!()*+=^-]{30}$/) });
    expect(kms.hook.asked).toEqual([
      {
        secretName: 's',
        secretType: 'Rds',
        extendedConfig: { SecretSubType: 'SingleUser', DBInstanceId: 'rm-1', CustomData: { team: 'shop' } },
        versionId: 'v2',
        current: JSON.stringify(account),
        pending: kms.hook.set,
      },
    ]);
    expect(JSON.parse(kms.hook.set ?? '')).toEqual(current);
    expect(await kms.stages('s')).toEqual({ v2: ['ACSCurrent'], v1: ['ACSPrevious'] });
  });

  it('of two accounts rotates the one that is not in use, by turns', async () => {
    await create(rds([account, other], 'DoubleUsers'));
    expect(await kms.value('s', 'ACSPrevious')).toEqual(other);
    await rotate('v2');
    expect(await kms.value('s')).toMatchObject({ AccountName: 'app2' });
    expect(await kms.value('s', 'ACSPrevious')).toEqual(account);
    await rotate('v3');
    expect(await kms.value('s')).toMatchObject({ AccountName: 'app' });
  });

  it.each(['refuses', 'answer lost'] as const)(
    'keeps its value when the hook %s, and asks for the same one again',
    async (fault) => {
      await create({ ...rds([account]), EnableAutomaticRotation: 'true', RotationInterval: '6h' });
      kms.clock.advance(6 * hourMs);
      kms.hook.fault = fault;
      expect(await round()).toEqual({ rotated: [], failed: [{ secret: 's', error: 'The hook fails.' }] });
      expect(await kms.value('s')).toEqual(account);
      expect(await kms.describe('s')).toMatchObject({ AutomaticRotation: 'Invalid', LastRotationDate: '' });
      expect(Object.values(await kms.stages('s'))).toEqual([['ACSPending'], ['ACSCurrent']]);
      kms.hook.fault = 'none';
      expect(await round()).toEqual({ rotated: [], failed: [] });
      kms.clock.advance(hourMs / 4);
      expect(await round()).toEqual({ rotated: ['s'], failed: [] });
      const [first, second] = kms.hook.asked.map(({ pending }) => pending);
      expect(second).toBe(first);
      expect(await kms.value('s')).toEqual(JSON.parse(kms.hook.set ?? ''));
      expect(await kms.describe('s')).toMatchObject({ AutomaticRotation: 'Enabled' });
      expect(Object.values(await kms.stages('s'))).toEqual([['ACSCurrent'], ['ACSPrevious']]);
      expect(await kms.store.scan('kms/secret-versions')).toHaveLength(2);
    },
  );

  it('made with $Auto is set by the hook first, and not stored when that fails', async () => {
    const redis = {
      SecretType: 'Redis',
      SecretData: '$Auto',
      ExtendedConfig: JSON.stringify({
        SecretSubType: 'DoubleUsers',
        InstanceId: 'r-1',
        RegionId: 'local',
        AccountName: 'a',
        CloneAccountName: 'b',
        AccountPrivilege: 'RoleReadWrite',
      }),
    };
    kms.hook.fault = 'refuses';
    await expect(create(redis)).rejects.toMatchObject({ code: 'ServiceUnavailableTemporary' });
    expect(await kms.failure('DescribeSecret', { SecretName: 's' })).toMatch(/^Forbidden.ResourceNotFound/);
    kms.hook.fault = 'none';
    await create(redis);
    expect(await kms.value('s')).toMatchObject({ AccountName: 'a' });
    expect(await kms.value('s', 'ACSPrevious')).toMatchObject({ AccountName: 'b' });
  });

  it.each([
    [{ ...rds([account]), SecretData: JSON.stringify(account) }, /SecretData must be \{"Accounts"/],
    [rds([account, other]), /with 1 of them/],
    [rds([account], 'DoubleUsers'), /with 2 of them/],
    [rds([account], 'Triple'), /ExtendedConfig must be an object whose SecretSubType/],
    [{ ...rds([account]), ExtendedConfig: '{"SecretSubType":"SingleUser"}' }, /DBInstanceId/],
    [{ ...rds([account]), SecretDataType: 'binary' }, /SecretDataType text/],
    [{ ...rds([account]), SecretName: 'acs/x' }, /not begin with acs/],
    [{ ...rds([account]), SecretData: '$Auto' }, /needs AccountName/],
  ])('is refused: %j', async (parameters, error) => {
    expect(await kms.failure('CreateSecret', { SecretName: 's', VersionId: 'v1', ...parameters })).toMatch(error);
  });

  it('takes no values by PutSecretValue, and of its configuration only custom data changes', async () => {
    await create(rds([account]));
    const put = { SecretName: 's', VersionId: 'v2', SecretData: JSON.stringify(account) };
    expect(await kms.failure('PutSecretValue', put)).toMatch(/^UnsupportedOperation: .*Use RotateSecret/);
    await kms.call('UpdateSecret', { SecretName: 's', ExtendedConfig: '{"CustomData":{"team":"web"}}' });
    const config = { SecretSubType: 'SingleUser', DBInstanceId: 'rm-1', CustomData: { team: 'web' } };
    const got = await kms.call('GetSecretValue', { SecretName: 's', FetchExtendedConfig: 'true' });
    expect(JSON.parse(String(got['ExtendedConfig']))).toEqual(config);
    expect((await kms.call('GetSecretValue', { SecretName: 's' }))['ExtendedConfig']).toBe('');
  });
});

describe('a secret of an ECS instance', () => {
  it.each([
    ['Password', { UserName: 'root', Password: 'Old-password-1' }],
    ['SSHKey', { UserName: 'root', PublicKey: 'ssh-rsa AAAA', PrivateKey: 'old' }],
  ])('of subtype %s rotates to a new one of the same form', async (SecretSubType, value) => {
    const config = { SecretSubType, RegionId: 'local', InstanceId: 'i-1' };
    const parameters = { SecretType: 'ECS', SecretData: JSON.stringify(value), ExtendedConfig: JSON.stringify(config) };
    expect(await kms.failure('CreateSecret', { SecretName: 's', VersionId: 'v1', ...parameters })).toMatch(
      /acs\/ecs\//,
    );
    await create({ ...parameters, SecretName: 'acs/ecs/i-1' });
    await rotate('v2', 'acs/ecs/i-1');
    const rotated = await kms.value('acs/ecs/i-1');
    expect(Object.keys(rotated)).toEqual(Object.keys(value));
    expect(rotated).not.toEqual(value);
    if (SecretSubType !== 'SSHKey') return;
    const key = createPrivateKey(rotated['PrivateKey'] ?? '').export({ format: 'jwk' });
    const blob = Buffer.from(rotated['PublicKey']?.split(' ')[1] ?? '', 'base64');
    expect(blob.subarray(4, 11).toString()).toBe('ssh-rsa');
    expect(blob.subarray(-256)).toEqual(Buffer.from(key.n ?? '', 'base64url'));
  });
});

describe('RAM credentials', () => {
  const config = JSON.stringify({ SecretSubType: 'RamUserAccessKey', UserName: 'ci' });
  const name = 'acs/ram/user/ci';
  const parametersOf = (key: object): Answer => ({
    SecretName: '$Auto',
    SecretType: 'RAMCredentials',
    SecretData: JSON.stringify({ AccessKeys: [key] }),
    ExtendedConfig: config,
  });

  it('rotate for real: a new access key works, the one before until the next time', async () => {
    const first = await kms.userWithKey('ci');
    expect(await create(parametersOf(first))).toMatchObject({ SecretName: name, SecretType: 'RAMCredentials' });
    expect(await kms.value(name)).toEqual(first);
    await rotate('v2', name);
    const second = await kms.value(name);
    expect(second).toMatchObject({ GenerateTimestamp: expect.stringMatching(/^2026-/) });
    expect(new Set(await kms.keysOf('ci'))).toEqual(new Set([first.AccessKeyId, second['AccessKeyId']]));
    await rotate('v3', name);
    const third = await kms.value(name);
    expect(new Set(await kms.keysOf('ci'))).toEqual(new Set([second['AccessKeyId'], third['AccessKeyId']]));
  });

  it('rotate once when two calls race', async () => {
    await create(parametersOf(await kms.userWithKey('ci')));
    await Promise.allSettled([rotate('v2', name), rotate('v2', name), rotate('v3', name)]);
    const held = [await kms.value(name), await kms.value(name, 'ACSPrevious')].map(({ AccessKeyId }) => AccessKeyId);
    expect(new Set(await kms.keysOf('ci'))).toEqual(new Set(held));
  });

  it('are kept when the user has another key that the secret does not hold, or is gone', async () => {
    const first = await kms.userWithKey('ci');
    await create({ ...parametersOf(first), EnableAutomaticRotation: 'true', RotationInterval: '6h' });
    await kms.userWithKey('ci');
    await expect(rotate('v2', name)).rejects.toMatchObject({ code: 'Rejected.LimitExceeded' });
    expect(await kms.value(name)).toEqual(first);
    expect(await kms.describe(name)).toMatchObject({ AutomaticRotation: 'Invalid' });
  });

  it('D8: are taken only from who has the key, and who may make keys for the user', async () => {
    const first = await kms.userWithKey('ci');
    const guessed = { ...first, AccessKeySecret: 'guessed-guessed-guessed' };
    const parameters = { VersionId: 'v1', ...parametersOf(guessed) };
    expect(await kms.failure('CreateSecret', parameters)).toMatch(/^InvalidParameter: .*with its secret/);
    expect(await kms.access('CreateSecret', parameters)).toContain(
      'ram:CreateAccessKey on acs:ram::1000000000000000:user/ci',
    );
    const stolen = { ...parameters, ExtendedConfig: config.replace('ci', 'admin') };
    await kms.userWithKey('admin');
    expect(await kms.failure('CreateSecret', { ...stolen, SecretData: parametersOf(first)['SecretData'] })).toMatch(
      /^InvalidParameter/,
    );
  });
});
