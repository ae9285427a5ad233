import { z } from 'zod';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import { containerArn, resourceArn } from '../../arn.ts';
import { sharedScope, type KmsDependencies } from '../../dependencies.ts';
import { filters, matches, type FilterTable } from '../../filters.ts';
import { pageOfTable, pageParameters } from '../../paging.ts';
import { keyTable, stateAt, type KeyRecord, type KeyState } from '../../records/key.ts';

/** Filter → the value of a key that it looks at (KMS ListKeys → Filters). */
const filterTable: FilterTable<KeyRecord & { stateNow: KeyState }> = {
  KeyState: (key) => [key.stateNow],
  KeySpec: (key) => [key.keySpec],
  KeyUsage: (key) => [key.keyUsage],
  ProtectionLevel: (key) => [key.protectionLevel],
  Origin: (key) => [key.origin],
  CreatorType: (key) => [creatorType(key)],
  DKMSInstanceId: (key) => [key.scope === sharedScope ? '' : key.scope],
};

const input = z.object({ Filters: filters(Object.keys(filterTable)), ...pageParameters(10) });

/** KMS ListKeys. Keys that the service made for itself are listed only on the filter CreatorType Service. */
export function listKeys(dependencies: KmsDependencies): AnyAction {
  return defineAction<z.infer<typeof input>>({
    name: 'ListKeys',
    product: 'Kms',
    input,
    plan: ({ Filters, ...page }) => ({
      access: [{ action: 'kms:ListKeys', resource: containerArn(dependencies, 'key'), scope: sharedScope }],
      run: async () => {
        const asked = Filters.some(({ Key }) => Key === 'CreatorType')
          ? Filters
          : [...Filters, { Key: 'CreatorType', Values: ['User'] }];
        const now = dependencies.clock.now();
        const isAsked = (key: KeyRecord): boolean =>
          matches(filterTable, asked, { ...key, stateNow: stateAt(key, now) });
        const { items, fields } = await pageOfTable(keyTable, dependencies.store, page, isAsked);
        const Key = items.map(({ key: keyId }) => ({ KeyArn: resourceArn(dependencies, 'key', keyId), KeyId: keyId }));
        return { Keys: { Key }, ...fields };
      },
    }),
  });
}

function creatorType(key: KeyRecord): string {
  return key.creator === 'service' ? 'Service' : 'User';
}
