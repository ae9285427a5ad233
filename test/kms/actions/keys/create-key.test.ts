import { beforeEach, describe, expect, it } from 'vitest';
import { keySpecs } from '../../../../src/crypto/key-specs.ts';
import { account, arn, KmsScene } from '../../kms-scene.ts';

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
      `InvalidParameter: The parameter KeySpec is not valid. It must be one of ${Object.keys(keySpecs).join(', ')}.`,
    ],
    [
      { KeyUsage: 'SIGN/VERIFY' },
      'InvalidParameter: The parameter KeyUsage must be one of ENCRYPT/DECRYPT for this KeySpec.',
    ],
    [
      { KeySpec: 'EC_P256', KeyUsage: 'GENERATE/VERIFY MAC' },
      'InvalidParameter: The parameter KeyUsage must be one of SIGN/VERIFY, ENCRYPT/DECRYPT for this KeySpec.',
    ],
    [
      { KeySpec: 'EC_P256', EnableAutomaticRotation: 'true', RotationInterval: '365d' },
      'UnsupportedOperation: Keys of EC_P256 are not rotated automatically. Leave EnableAutomaticRotation out.',
    ],
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
    expect((await kms.call('ListKeys'))['TotalCount']).toBe(2);
    expect(await ids([{ Key: 'CreatorType', Values: ['Service'] }])).toHaveLength(1);
    expect(
      await ids([
        { Key: 'KeyState', Values: ['Enabled'] },
        { Key: 'KeySpec', Values: ['Aliyun_AES_128'] },
      ]),
    ).toEqual([]);
  });
});
