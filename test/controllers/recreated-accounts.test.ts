import { expect, test } from 'vitest';
import { recreatedAccounts } from '../../src/controllers/application-access-point/recreated-accounts.ts';

const bound = { Provider: 'kubernetes', Namespace: 'shop', Name: 'web', Uid: 'u1' };

test('B5: an access point says which service account stays out because it was made again, and how it is let in', () => {
  const { conditions } = recreatedAccounts({ ServiceAccountBindings: [{ ...bound, RefusedUid: 'u2' }, bound] });
  expect(conditions).toEqual([
    {
      type: 'ServiceAccountRecreated',
      status: 'True',
      reason: 'UidDiffers',
      message:
        'Made again under the name and not let in: shop/web (uid u2). If it is who is meant, add its uid to its entry of serviceAccounts.',
    },
  ]);
});

test('B5: it says nothing of it otherwise', () => {
  for (const inKms of [undefined, {}, { ServiceAccountBindings: [bound] }]) {
    expect(recreatedAccounts(inKms)).toEqual({ dropConditions: ['ServiceAccountRecreated'] });
  }
});
