import { createPublicKey, sign, verify } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { openClientKeyFile } from '../../../../src/crypto/client-key-file.ts';
import { findClientKey } from '../../../../src/kms/access-points.ts';
import { AccessPointScene } from '../../access-point-scene.ts';
import { arn } from '../../kms-scene.ts';

const Password = 'Correct-horse-9';
let kms: AccessPointScene;
beforeEach(async () => {
  kms = await AccessPointScene.start();
});

const newClientKey = async (parameters: Record<string, unknown> = {}): Promise<Record<string, string>> =>
  (await kms.call('CreateClientKey', { AapName: 'shop', Password, ...parameters })) as Record<string, string>;

describe('client keys', () => {
  it('C10: are shown once, open with the password, and are stored as a certificate only', async () => {
    await kms.createPoint();
    const made = await newClientKey();
    expect(made).toMatchObject({
      KeyAlgorithm: 'RSA_2048',
      NotBefore: '2026-01-01T00:00:00Z',
      NotAfter: '2030-12-31T00:00:00Z',
    });
    expect(made['ClientKeyId']).toMatch(/^KAAP\.[0-9a-f-]{36}$/);
    const file = JSON.stringify({ KeyId: made['ClientKeyId'], PrivateKeyData: made['PrivateKeyData'] });
    const { privateKeyPem } = openClientKeyFile(file, Password);
    const entry = await findClientKey(kms.store, made['ClientKeyId'] ?? '');
    const data = Buffer.from('request');
    expect(
      verify('sha256', data, createPublicKey(entry?.publicKeyPem ?? ''), sign('sha256', data, privateKeyPem)),
    ).toBe(true);
    for (const { value } of await kms.store.scan('kms/client-keys')) {
      const text = Buffer.from(value).toString('utf8');
      for (const secret of [Password, made['PrivateKeyData'] ?? '?', 'PRIVATE KEY']) expect(text).not.toContain(secret);
    }
    const shown = await kms.call('GetClientKey', { ClientKeyId: made['ClientKeyId'] });
    expect(Object.keys(shown).toSorted()).toEqual([
      'AapName',
      'ClientKeyId',
      'CreateTime',
      'KeyAlgorithm',
      'KeyOrigin',
      'NotAfter',
      'NotBefore',
      'PublicKeyData',
    ]);
    expect(await kms.call('ListClientKeys', { AapName: 'shop' })).toEqual({ ClientKeys: [shown] });
    expect(await kms.call('ListClientKeys', { AapName: 'none' })).toEqual({ ClientKeys: [] });
  });

  it('E10: once deleted stay deleted, also when a backup brings the record back', async () => {
    await kms.createPoint();
    const { ClientKeyId = '' } = await newClientKey();
    const backup = await kms.store.get('kms/client-keys', ClientKeyId);
    expect(await kms.access('DeleteClientKey', { ClientKeyId })).toEqual([
      `kms:DeleteClientKey on ${arn('applicationaccesspoint/shop')}`,
    ]);
    await kms.call('DeleteClientKey', { ClientKeyId });
    expect(await findClientKey(kms.store, ClientKeyId)).toBeUndefined();
    await kms.store.transact((transaction) =>
      transaction.put('kms/client-keys', ClientKeyId, backup?.value ?? Buffer.alloc(0)),
    );
    expect(await findClientKey(kms.store, ClientKeyId)).toBeUndefined();
  });

  it('go with their access point, and do not come back with one of the same name (B5)', async () => {
    await kms.createPoint();
    const { ClientKeyId = '' } = await newClientKey();
    await kms.call('DeleteApplicationAccessPoint', { Name: 'shop' });
    await kms.createPoint();
    expect(await findClientKey(kms.store, ClientKeyId)).toBeUndefined();
    expect(await kms.call('ListClientKeys')).toEqual({ ClientKeys: [] });
  });

  it('C11: unknown and malformed ids are all just not found', async () => {
    for (const id of [
      '',
      'KAAP.',
      'KAAP.71be72c8-73b9-44e0-bb75-81ee51b4e00e',
      '__proto__',
      `KAAP.${'x'.repeat(5000)}`,
    ]) {
      expect(await findClientKey(kms.store, id)).toBeUndefined();
    }
    expect(await kms.failure('GetClientKey', { ClientKeyId: 'KAAP.none' })).toBe(
      'Forbidden.ResourceNotFound: There is no client key KAAP.none. ListClientKeys shows those that exist.',
    );
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    [
      'a short password',
      { Password: 'Short-1' },
      /^InvalidParameter: The parameter Password is not valid. It must be 8 to 64/,
    ],
    ['a password of one kind', { Password: 'onlylowercase' }, /^InvalidParameter: The parameter Password is not valid/],
    [
      'a password that is not ASCII',
      { Password: 'Pässword-123' },
      /^InvalidParameter: The parameter Password is not valid/,
    ],
    ['one time of two', { NotAfter: '2027-01-01T00:00:00Z' }, /^MissingParameter: The parameter NotBefore is required/],
    [
      'an end before the beginning',
      { NotBefore: '2028-01-01T00:00:00Z', NotAfter: '2027-01-01T00:00:00Z' },
      /^InvalidParameter: The parameter NotAfter must be later/,
    ],
    [
      'an end in the past',
      { NotBefore: '2020-01-01T00:00:00Z', NotAfter: '2021-01-01T00:00:00Z' },
      /^InvalidParameter: The parameter NotAfter must be later/,
    ],
    [
      'a time that does not exist',
      { NotBefore: '2027-13-01T00:00:00Z', NotAfter: '2028-01-01T00:00:00Z' },
      /^InvalidParameter: The parameter NotAfter must be later/,
    ],
    [
      'an unknown access point',
      { AapName: 'none' },
      /^Forbidden.ResourceNotFound: There is no application access point none/,
    ],
  ])('refuse %s, without repeating the password', async (_what, parameters, message) => {
    await kms.createPoint();
    const failure = await kms.failure('CreateClientKey', { AapName: 'shop', Password, ...parameters });
    expect(failure).toMatch(message);
    expect(failure).not.toContain((parameters['Password'] as string | undefined) ?? Password);
    expect(await kms.call('ListClientKeys')).toEqual({ ClientKeys: [] });
  });

  it('are not for access points of the method RAMRole', async () => {
    await kms.createPoint({
      AuthenticationMethod: 'RAMRole',
      AuthenticationConfig: '{"ramRole":{"trustedRole":"ACKWorkerRole","roleName":"worker"}}',
    });
    expect(await kms.failure('CreateClientKey', { AapName: 'shop', Password })).toBe(
      'UnsupportedOperation: The access point shop authenticates by RAMRole; it has no client keys.',
    );
  });
});
