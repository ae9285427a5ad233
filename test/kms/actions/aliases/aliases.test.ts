import { beforeEach, describe, expect, it } from 'vitest';
import { arn, KmsScene } from '../../kms-scene.ts';

let kms: KmsScene;
let KeyId: string;
beforeEach(async () => {
  kms = new KmsScene();
  KeyId = await kms.newKey();
});

const AliasName = 'alias/shop/orders';

describe('aliases', () => {
  it('E3: need their permission on the alias and on the key', async () => {
    const both = (action: string): string[] => [
      `kms:${action} on ${arn(AliasName)}`,
      `kms:${action} on ${arn(`key/${KeyId}`)}`,
    ];
    expect(await kms.access('CreateAlias', { AliasName, KeyId })).toEqual(both('CreateAlias'));
    await kms.call('CreateAlias', { AliasName, KeyId });
    expect(await kms.access('UpdateAlias', { AliasName, KeyId })).toEqual(both('UpdateAlias'));
    expect(await kms.access('DeleteAlias', { AliasName })).toEqual(both('DeleteAlias'));
  });

  it('are listed, for all keys or one', async () => {
    const other = await kms.newKey();
    await kms.call('CreateAlias', { AliasName, KeyId });
    await kms.call('CreateAlias', { AliasName: 'alias/b', KeyId: other });
    const first = { AliasArn: arn(AliasName), AliasName, KeyId };
    expect(await kms.call('ListAliasesByKeyId', { KeyId })).toEqual({
      Aliases: { Alias: [first] },
      PageNumber: 1,
      PageSize: 10,
      TotalCount: 1,
    });
    expect(await kms.call('ListAliases', { PageSize: '1', PageNumber: '2' })).toEqual({
      Aliases: { Alias: [first] },
      PageNumber: 2,
      PageSize: 1,
      TotalCount: 2,
    });
    expect(await kms.access('ListAliases')).toEqual([`kms:ListAliases on ${arn('alias')}`]);
  });

  it('exist once', async () => {
    const results = await Promise.allSettled([1, 2, 3].map(() => kms.call('CreateAlias', { AliasName, KeyId })));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await kms.failure('CreateAlias', { AliasName, KeyId })).toBe(
      'AliasAlreadyExists: The alias alias/shop/orders exists already. Move it with UpdateAlias.',
    );
  });

  it('follow the state matrix: no new target that is about to be deleted, deletion always', async () => {
    const other = await kms.newKey();
    await kms.call('CreateAlias', { AliasName, KeyId });
    await kms.call('ScheduleKeyDeletion', { KeyId: other, PendingWindowInDays: '7' });
    expect(await kms.failure('CreateAlias', { AliasName: 'alias/b', KeyId: other })).toMatch(
      /^Rejected.PendingDeletion: /,
    );
    expect(await kms.failure('UpdateAlias', { AliasName, KeyId: other })).toMatch(/^Rejected.PendingDeletion: /);
    await kms.call('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: '7' });
    await kms.call('DeleteAlias', { AliasName });
    expect(await kms.call('ListAliases')).toMatchObject({ TotalCount: 0 });
  });

  it('that do not exist are neither moved nor deleted', async () => {
    const message = 'Forbidden.AliasNotFound: There is no alias alias/none. ListAliases shows those that exist.';
    expect(await kms.failure('UpdateAlias', { AliasName: 'alias/none', KeyId })).toBe(message);
    expect(await kms.failure('DeleteAlias', { AliasName: 'alias/none' })).toBe(message);
  });

  it('point at keys, not at aliases', async () => {
    await kms.call('CreateAlias', { AliasName, KeyId });
    expect(await kms.failure('CreateAlias', { AliasName: 'alias/b', KeyId: AliasName })).toBe(
      'Unsupported.Alias: The parameter KeyId must be the id or the ARN of a key here, not an alias.',
    );
  });

  it('E4: an alias that moved since the permission was looked at is not deleted', async () => {
    const other = await kms.newKey();
    await kms.call('CreateAlias', { AliasName, KeyId });
    const plan = await kms.plan('DeleteAlias', { AliasName });
    await kms.call('UpdateAlias', { AliasName, KeyId: other });
    await expect(plan.run()).rejects.toMatchObject({ code: 'Forbidden.AliasNotFound' });
    expect(await kms.call('ListAliases')).toMatchObject({ TotalCount: 1 });
  });

  it.each([
    'orders',
    'alias/',
    'alias/acs/x',
    'alias/acsx',
    'alias//x',
    'alias/../x',
    'alias/a*',
    `alias/${'x'.repeat(250)}`,
  ])('D1: refuse the name %s', async (name) => {
    expect(await kms.failure('CreateAlias', { AliasName: name, KeyId })).toMatch(
      /^InvalidParameter: The parameter AliasName is not valid. It must be alias\/ and 1 to 249 letters/,
    );
  });
});
