import { z } from 'zod';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import { containerArn, resourceArn } from '../../arn.ts';
import { sharedScope, type KmsDependencies } from '../../dependencies.ts';
import { filters, matches, type Filter, type FilterTable } from '../../filters.ts';
import { pageOfMatches, pageOfTable, pageParameters } from '../../paging.ts';
import { keyTable, stateAt, type KeyRecord, type KeyState } from '../../records/key.ts';
import { isServiceKey, serviceKeyIds } from '../../service-key.ts';

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
        const { items, fields } =
          Filters.length === 0
            ? await pageOfTable(keyTable, dependencies.store, page, await serviceKeyIds(dependencies.store))
            : await pageOfMatches(keyTable, dependencies.store, page, isAskedBy(Filters, dependencies));
        const Key = items.map(({ key: keyId }) => ({ KeyArn: resourceArn(dependencies, 'key', keyId), KeyId: keyId }));
        return { Keys: { Key }, ...fields };
      },
    }),
  });
}

/** Whether a key passes the filters that a caller gave, and the one that stands when he says nothing of it. */
function isAskedBy(given: readonly Filter[], { clock }: KmsDependencies): (key: KeyRecord) => boolean {
  const now = clock.now();
  const all = given.some(({ Key }) => Key === 'CreatorType')
    ? given
    : [...given, { Key: 'CreatorType', Values: ['User'] }];
  return (key) => matches(filterTable, all, { ...key, stateNow: stateAt(key, now) });
}

function creatorType(key: KeyRecord): string {
  return isServiceKey(key) ? 'Service' : 'User';
}
