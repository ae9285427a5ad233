import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { account, arn, KmsScene } from '../../kms-scene.ts';

const day = 86_400_000;
let kms: KmsScene;
beforeEach(() => {
  kms = new KmsScene();
});

describe('CreateKey', () => {
  it('makes an AES-256 key that is enabled, with the fields of the API', async () => {
    const { KeyMetadata } = await kms.call('CreateKey', {
      Description: 'for orders',
      Tags: '[{"TagKey":"team","TagValue":"shop"}]',
    });
    const { KeyId, PrimaryKeyVersion } = KeyMetadata as Record<string, string>;
    expect(KeyId).toMatch(/^[0-9a-f-]{36}$/);
    expect(PrimaryKeyVersion).toMatch(/^[0-9a-f-]{36}$/);
    expect(KeyMetadata).toEqual({
      Arn: arn(`key/${KeyId}`),
      AutomaticRotation: 'Disabled',
      CreationDate: '2026-01-01T00:00:00Z',
      Creator: account,
      DKMSInstanceId: '',
      DeleteDate: '',
      DeletionProtection: 'Disabled',
      DeletionProtectionDescription: '',
      Description: 'for orders',
      KeyId,
      KeySpec: 'Aliyun_AES_256',
      KeyState: 'Enabled',
      KeyUsage: 'ENCRYPT/DECRYPT',
      LastRotationDate: '2026-01-01T00:00:00Z',
      MaterialExpireTime: '',
      NextRotationDate: '',
      Origin: 'Aliyun_KMS',
      PrimaryKeyVersion,
      ProtectionLevel: 'SOFTWARE',
      RotationInterval: '',
    });
  });

  it('needs kms:CreateKey on the key container, in the scope of the instance', async () => {
    expect(await kms.accessRequests('CreateKey', { DKMSInstanceId: 'kst-one' })).toEqual([
      { action: 'kms:CreateKey', resource: arn('key'), scope: 'kst-one' },
    ]);
  });

  it('names keys of an instance key-… with 21 characters', async () => {
    expect(await kms.newKey({ DKMSInstanceId: 'kst-one' })).toMatch(/^key-[a-z0-9]{21}$/);
  });

  it('gives the same key again for the same ClientToken of the same caller', async () => {
    const first = await kms.newKey({ ClientToken: 'once' });
    expect(await kms.newKey({ ClientToken: 'once' })).toBe(first);
    expect(await kms.newKey({ ClientToken: 'twice' })).not.toBe(first);
    const other = { kind: 'RamUser', accountId: account, userName: 'eve', accessKeyId: 'x' } as const;
    const { KeyMetadata } = await kms.call('CreateKey', { ClientToken: 'once' }, other);
    expect((KeyMetadata as { KeyId: string }).KeyId).not.toBe(first);
  });

  it('makes one key when calls with the same ClientToken race', async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, () => kms.newKey({ ClientToken: 'race' })));
    expect(new Set(ids).size).toBe(1);
    expect(await kms.call('ListKeys')).toMatchObject({ TotalCount: 1 });
  });

  it('keeps the rotation and returns its interval in seconds', async () => {
    const { KeyMetadata } = await kms.call('CreateKey', { EnableAutomaticRotation: 'true', RotationInterval: '365d' });
    expect(KeyMetadata).toMatchObject({
      AutomaticRotation: 'Enabled',
      RotationInterval: '31536000s',
      NextRotationDate: '2027-01-01T00:00:00Z',
    });
  });

  it.each<[Record<string, unknown>, string]>([
    [
      { KeySpec: 'RSA_512' },
      'InvalidParameter: The parameter KeySpec is not valid. It must be one of Aliyun_AES_256, Aliyun_AES_192, Aliyun_AES_128.',
    ],
    [
      { KeyUsage: 'SIGN/VERIFY' },
      'InvalidParameter: The parameter KeyUsage must be one of ENCRYPT/DECRYPT for this KeySpec.',
    ],
    [{ Origin: 'EXTERNAL' }, 'Unsupported.Origin: Key material cannot be imported. Use the Origin Aliyun_KMS.'],
    [
      { ProtectionLevel: 'HSM' },
      'Unsupported.ProtectionLevel: Keys of this instance have the protection level SOFTWARE. Leave ProtectionLevel out, or name another instance.',
    ],
    [
      { DKMSInstanceId: 'kst-none' },
      'InvalidParameter: The parameter DKMSInstanceId names no KMS instance. ListKmsInstances shows those that exist; leave it out for the shared one.',
    ],
    [
      { EnableAutomaticRotation: 'true' },
      'MissingParameter: The parameter RotationInterval is required to rotate automatically.',
    ],
    [
      { EnableAutomaticRotation: 'true', RotationInterval: '6d' },
      'InvalidParameter: The parameter RotationInterval must be 7 to 365 days.',
    ],
    [
      { EnableAutomaticRotation: 'yes' },
      'InvalidParameter: The parameter EnableAutomaticRotation is not valid. It must be true or false.',
    ],
    [
      { Description: 'x'.repeat(8193) },
      'InvalidParameter: The parameter Description is not valid. It must be 0 to 8192 characters.',
    ],
    [
      { Tags: '[{"TagKey":"acs:x","TagValue":"1"}]' },
      'InvalidParameter: The parameter Tags is not valid. It must be a JSON list of at most 20 {"TagKey","TagValue"}, each of at most 128 characters; keys do not begin with aliyun or acs:.',
    ],
  ])('refuses %o', async (parameters, message) => {
    expect(await kms.failure('CreateKey', parameters)).toBe(message);
    expect(await kms.call('ListKeys')).toMatchObject({ TotalCount: 0 });
  });
});

describe('a KeyId', () => {
  it('may be an id, an alias, or the ARN of either', async () => {
    const id = await kms.newKey();
    await kms.call('CreateAlias', { AliasName: 'alias/shop/orders', KeyId: id });
    for (const KeyId of [id, 'alias/shop/orders', arn(`key/${id}`), arn('alias/shop/orders')]) {
      expect(await kms.access('DescribeKey', { KeyId })).toEqual([`kms:DescribeKey on ${arn(`key/${id}`)}`]);
      expect(await kms.call('DescribeKey', { KeyId })).toMatchObject({ KeyMetadata: { KeyId: id } });
    }
  });

  it('that is unknown is named to the policies as the caller named it, and then not found', async () => {
    expect(await kms.access('Encrypt', { KeyId: 'nope', Plaintext: 'eA==' })).toEqual([
      `kms:Encrypt on ${arn('key/nope')}`,
    ]);
    expect(await kms.failure('DescribeKey', { KeyId: 'nope' })).toBe(
      'Forbidden.KeyNotFound: There is no key nope. ListKeys shows those that exist.',
    );
    expect(await kms.failure('DescribeKey', { KeyId: 'alias/nope' })).toBe(
      'Forbidden.AliasNotFound: There is no alias alias/nope. ListAliases shows those that exist.',
    );
  });

  it('C7: of another account or region is not one of ours', async () => {
    const id = await kms.newKey();
    for (const KeyId of [
      `acs:kms:local:2:key/${id}`,
      `acs:kms:other:${account}:key/${id}`,
      arn(`secret/${id}`),
      `${id} `,
    ]) {
      await expect(kms.call('DescribeKey', { KeyId })).rejects.toThrow(/There is no key|KeyId is not valid/);
    }
  });

  it('is required', async () => {
    expect(await kms.failure('DescribeKey')).toBe('MissingParameter: DescribeKey needs the parameter KeyId.');
  });
});

describe('ListKeys', () => {
  it('pages in a stable order and counts all', async () => {
    const ids = await Promise.all(Array.from({ length: 12 }, () => kms.newKey()));
    const listed = async (PageNumber: string): Promise<string[]> => {
      const { Keys } = await kms.call('ListKeys', { PageNumber, PageSize: '5' });
      return (Keys as { Key: { KeyId: string }[] }).Key.map(({ KeyId }) => KeyId);
    };
    expect([...(await listed('1')), ...(await listed('2')), ...(await listed('3'))]).toEqual(ids.toSorted());
    expect(await kms.call('ListKeys', { PageNumber: '4', PageSize: '5' })).toEqual({
      Keys: { Key: [] },
      PageNumber: 4,
      PageSize: 5,
      TotalCount: 12,
    });
    expect((await kms.call('ListKeys'))['PageSize']).toBe(10);
  });

  it.each(['0', '-1', '101', '1e9', 'all', '99999999999999999999'])(
    'D4: refuses the page size %s',
    async (PageSize) => {
      const message = 'InvalidParameter: The parameter PageSize is not valid. It must be a whole number from 1 to 100.';
      expect(await kms.failure('ListKeys', { PageSize })).toBe(message);
    },
  );

  it('filters, and lists keys of the service only when asked', async () => {
    const enabled = await kms.newKey();
    const disabled = await kms.newKey();
    await kms.call('DisableKey', { KeyId: disabled });
    await kms.call('CreateSecret', { SecretName: 's', SecretData: 'x', VersionId: '1' });
    const ids = async (filter: unknown): Promise<string[]> => {
      const { Keys } = await kms.call('ListKeys', { Filters: JSON.stringify(filter) });
      return (Keys as { Key: { KeyId: string }[] }).Key.map(({ KeyId }) => KeyId);
    };
    expect(await ids([{ Key: 'KeyState', Values: ['Disabled'] }])).toEqual([disabled]);
    expect((await ids([])).toSorted()).toEqual([enabled, disabled].toSorted());
    expect(await ids([{ Key: 'CreatorType', Values: ['Service'] }])).toHaveLength(1);
    expect(
      await ids([
        { Key: 'KeyState', Values: ['Enabled'] },
        { Key: 'KeySpec', Values: ['Aliyun_AES_128'] },
      ]),
    ).toEqual([]);
  });
});

/** What each operation does to a key, said again in the words of the state matrix. */
type State = 'Enabled' | 'Disabled' | 'PendingDeletion';
const operations: Record<
  string,
  { run: (id: string) => [string, Record<string, unknown>]; next: (state: State) => State | string }
> = {
  enable: {
    run: (KeyId) => ['EnableKey', { KeyId }],
    next: (s) => (s === 'PendingDeletion' ? 'Rejected.StateModifiedFailed' : 'Enabled'),
  },
  disable: {
    run: (KeyId) => ['DisableKey', { KeyId }],
    next: (s) => (s === 'PendingDeletion' ? 'Rejected.StateModifiedFailed' : 'Disabled'),
  },
  schedule: {
    run: (KeyId) => ['ScheduleKeyDeletion', { KeyId, PendingWindowInDays: '7' }],
    next: (s) => (s === 'PendingDeletion' ? 'Rejected.PendingDeletion' : 'PendingDeletion'),
  },
  cancel: {
    run: (KeyId) => ['CancelKeyDeletion', { KeyId }],
    next: (s) => (s === 'PendingDeletion' ? 'Enabled' : 'Rejected.StateModifiedFailed'),
  },
  encrypt: {
    run: (KeyId) => ['Encrypt', { KeyId, Plaintext: 'eA==' }],
    next: (s) => (s === 'Enabled' ? s : `Rejected.${s}`),
  },
  dataKey: { run: (KeyId) => ['GenerateDataKey', { KeyId }], next: (s) => (s === 'Enabled' ? s : `Rejected.${s}`) },
  describe: { run: (KeyId) => ['DescribeKey', { KeyId }], next: (s) => s },
};

describe('the states of a key', () => {
  it('E1: follow the state matrix through any sequence of operations', async () => {
    const sequence = fc.array(fc.constantFrom(...Object.keys(operations)), { maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(sequence, async (names) => {
        const id = await kms.newKey();
        let state: State = 'Enabled';
        for (const name of names) {
          const operation = operations[name];
          if (operation === undefined) throw new Error(name);
          const expected = operation.next(state);
          const [action, parameters] = operation.run(id);
          if (expected.startsWith('Rejected.')) {
            expect(await kms.failure(action, parameters)).toMatch(`${expected}: Key ${id} is in the state ${state}. `);
          } else {
            await kms.call(action, parameters);
            state = expected as State;
          }
          expect(await kms.keyState(id)).toBe(state);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('E1: once DisableKey has answered, nothing encrypts or decrypts, whatever runs at the same time', async () => {
    const KeyId = await kms.newKey();
    const { CiphertextBlob } = await kms.call('Encrypt', { KeyId, Plaintext: 'eA==' });
    const plan = await kms.plan('Encrypt', { KeyId, Plaintext: 'eA==' });
    const decryption = await kms.plan('Decrypt', { CiphertextBlob });
    await kms.call('DisableKey', { KeyId });
    await expect(plan.run()).rejects.toMatchObject({ code: 'Rejected.Disabled' });
    await expect(decryption.run()).rejects.toMatchObject({ code: 'Rejected.Disabled' });
    expect(await kms.failure('Encrypt', { KeyId, Plaintext: 'eA==' })).toBe(
      `Rejected.Disabled: Key ${KeyId} is in the state Disabled. Enable it with EnableKey.`,
    );
  });

  it('E8: a deletion window is 7 to 366 days and cannot be shortened afterwards', async () => {
    const KeyId = await kms.newKey();
    const range =
      'InvalidParameter: The parameter PendingWindowInDays is not valid. It must be a whole number from 7 to 366.';
    for (const PendingWindowInDays of ['6', '367', '0', '-7', '7.5']) {
      expect(await kms.failure('ScheduleKeyDeletion', { KeyId, PendingWindowInDays })).toBe(range);
    }
    await kms.call('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: '30' });
    expect(await kms.failure('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: '7' })).toMatch(
      /^Rejected.PendingDeletion: /,
    );
    expect(await kms.call('DescribeKey', { KeyId })).toMatchObject({
      KeyMetadata: { DeleteDate: '2026-01-31T00:00:00Z' },
    });
    await kms.call('CancelKeyDeletion', { KeyId });
    expect(await kms.call('DescribeKey', { KeyId })).toMatchObject({
      KeyMetadata: { DeleteDate: '', KeyState: 'Enabled' },
    });
  });

  it('deletion protection refuses ScheduleKeyDeletion until it is off', async () => {
    const KeyId = await kms.newKey();
    await kms.call('SetDeletionProtection', {
      ProtectedResourceArn: arn(`key/${KeyId}`),
      EnableDeletionProtection: 'true',
      DeletionProtectionDescription: 'orders',
    });
    expect(await kms.call('DescribeKey', { KeyId })).toMatchObject({
      KeyMetadata: { DeletionProtection: 'Enabled', DeletionProtectionDescription: 'orders' },
    });
    const schedule = { KeyId, PendingWindowInDays: '7' };
    expect(await kms.failure('ScheduleKeyDeletion', schedule)).toBe(
      `Rejected.StateModifiedFailed: Key ${KeyId} is protected from deletion. Turn that off with SetDeletionProtection first.`,
    );
    await kms.call('SetDeletionProtection', { KeyId, EnableDeletionProtection: 'false' });
    await kms.call('ScheduleKeyDeletion', schedule);
    expect(await kms.failure('SetDeletionProtection', { KeyId, EnableDeletionProtection: 'true' })).toMatch(
      /^Rejected.PendingDeletion: /,
    );
    expect(await kms.failure('SetDeletionProtection', { EnableDeletionProtection: 'true' })).toBe(
      'MissingParameter: The parameter ProtectedResourceArn is required: the ARN of a key.',
    );
  });
});

describe('key versions', () => {
  it('the newest encrypts, every one decrypts what it made', async () => {
    const KeyId = await kms.newKey();
    const before = await kms.call('Encrypt', { KeyId, Plaintext: 'b2xk' });
    kms.clock.advance(7 * day);
    const { KeyVersion } = await kms.call('CreateKeyVersion', { KeyId });
    const { KeyVersionId } = KeyVersion as { KeyVersionId: string };
    const after = await kms.call('Encrypt', { KeyId, Plaintext: 'bmV3' });
    expect(after['KeyVersionId']).toBe(KeyVersionId);
    expect(before['KeyVersionId']).not.toBe(KeyVersionId);
    expect(await kms.call('Decrypt', { CiphertextBlob: before['CiphertextBlob'] })).toMatchObject({
      Plaintext: 'b2xk',
      KeyVersionId: before['KeyVersionId'],
    });
    expect(await kms.call('Decrypt', { CiphertextBlob: after['CiphertextBlob'] })).toMatchObject({ Plaintext: 'bmV3' });
    expect(await kms.call('ListKeyVersions', { KeyId })).toMatchObject({
      KeyVersions: { KeyVersion: [{ KeyVersionId }, { KeyVersionId: before['KeyVersionId'] }] },
      TotalCount: 2,
    });
    expect(await kms.call('DescribeKeyVersion', { KeyId, KeyVersionId })).toEqual({
      KeyVersion: { CreationDate: '2026-01-08T00:00:00Z', KeyId, KeyVersionId },
    });
    const other = await kms.newKey();
    expect(await kms.failure('DescribeKeyVersion', { KeyId: other, KeyVersionId })).toBe(
      `Forbidden.KeyVersionNotFound: Key ${other} has no such version. ListKeyVersions shows those that exist.`,
    );
  });

  it('are made at most every seven days, and fifty in all', async () => {
    const KeyId = await kms.newKey();
    kms.clock.advance(7 * day - 1);
    expect(await kms.failure('CreateKeyVersion', { KeyId })).toBe(
      `Rejected.LimitExceeded: The newest version of key ${KeyId} is younger than seven days. Wait.`,
    );
    for (let count = 1; count < 50; count += 1) {
      kms.clock.advance(7 * day);
      await kms.call('CreateKeyVersion', { KeyId });
    }
    kms.clock.advance(7 * day);
    expect(await kms.failure('CreateKeyVersion', { KeyId })).toBe(
      `Rejected.LimitExceeded: Key ${KeyId} has 50 versions already. Create a new key.`,
    );
  });

  it('two calls at the same time make one version', async () => {
    const KeyId = await kms.newKey();
    kms.clock.advance(7 * day);
    const results = await Promise.allSettled([
      kms.call('CreateKeyVersion', { KeyId }),
      kms.call('CreateKeyVersion', { KeyId }),
    ]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await kms.call('ListKeyVersions', { KeyId })).toMatchObject({ TotalCount: 2 });
  });
});

describe('UpdateRotationPolicy', () => {
  it('takes 7 to 730 days, and is suspended while the key is disabled', async () => {
    const KeyId = await kms.newKey();
    await kms.call('UpdateRotationPolicy', { KeyId, EnableAutomaticRotation: 'true', RotationInterval: '730d' });
    expect(await kms.call('DescribeKey', { KeyId })).toMatchObject({
      KeyMetadata: { AutomaticRotation: 'Enabled', RotationInterval: '63072000s' },
    });
    await kms.call('DisableKey', { KeyId });
    expect(await kms.call('DescribeKey', { KeyId })).toMatchObject({ KeyMetadata: { AutomaticRotation: 'Suspended' } });
    await kms.call('EnableKey', { KeyId });
    await kms.call('UpdateRotationPolicy', { KeyId, EnableAutomaticRotation: 'false' });
    expect(await kms.call('DescribeKey', { KeyId })).toMatchObject({
      KeyMetadata: { AutomaticRotation: 'Disabled', RotationInterval: '' },
    });
    expect(
      await kms.failure('UpdateRotationPolicy', { KeyId, EnableAutomaticRotation: 'true', RotationInterval: '731d' }),
    ).toBe('InvalidParameter: The parameter RotationInterval must be 7 to 730 days.');
  });
});

describe('key policies', () => {
  const policy = JSON.stringify({
    Version: '1',
    Statement: [
      { Effect: 'Allow', Principal: { RAM: [`acs:ram::${account}:user/ann`] }, Action: ['kms:*'], Resource: ['*'] },
    ],
  });

  it('are the default policy until one is set, and go to authorization with the key', async () => {
    const KeyId = await kms.newKey({ Tags: '[{"TagKey":"team","TagValue":"shop"}]' });
    const { Policy } = await kms.call('GetKeyPolicy', { KeyId });
    expect(JSON.parse(Policy as string)).toMatchObject({
      Statement: [{ Sid: 'kms default key policy', Principal: { RAM: [`acs:ram::${account}:*`] } }],
    });
    expect((await kms.accessRequests('Encrypt', { KeyId, Plaintext: 'eA==' }))[0]).not.toHaveProperty('resourcePolicy');
    await kms.call('SetKeyPolicy', { KeyId, Policy: policy, PolicyName: 'default' });
    expect(await kms.call('GetKeyPolicy', { KeyId })).toEqual({ Policy: policy });
    expect(await kms.accessRequests('Encrypt', { KeyId, Plaintext: 'eA==' })).toEqual([
      {
        action: 'kms:Encrypt',
        resource: arn(`key/${KeyId}`),
        scope: 'shared',
        tags: { team: 'shop' },
        resourcePolicy: policy,
      },
    ]);
  });

  it('that cannot be read, and other policy names, are refused', async () => {
    const KeyId = await kms.newKey();
    for (const Policy of ['{}', 'no', '{"Version":"1","Statement":[{"Effect":"Maybe"}]}']) {
      expect(await kms.failure('SetKeyPolicy', { KeyId, Policy })).toMatch(
        /^InvalidPolicyDocument: The policy document is not valid/,
      );
    }
    expect(await kms.failure('GetKeyPolicy', { KeyId, PolicyName: 'mine' })).toBe(
      'InvalidParameter: The parameter PolicyName is not valid. It must be one of default.',
    );
  });
});

describe('UpdateKeyDescription', () => {
  it('changes the description, also to nothing', async () => {
    const KeyId = await kms.newKey({ Description: 'old' });
    await kms.call('UpdateKeyDescription', { KeyId, Description: '' });
    expect(await kms.call('DescribeKey', { KeyId })).toMatchObject({ KeyMetadata: { Description: '' } });
  });
});
