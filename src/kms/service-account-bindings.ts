import type { ServiceAccountIdentity } from '../policy/principal.ts';
import type { ServiceAccountReference } from '../ports/access-point-directory.ts';
import type { Store, Transaction } from '../ports/store.ts';
import {
  bindingKey,
  serviceAccountBindingTable,
  type ServiceAccountBinding,
} from './records/service-account-binding.ts';
import type { Reader } from './records/record-table.ts';

/**
 * Whether a service account that an access point lists may enter it: the first of a name that comes binds the grant to
 * its uid, and another one of the same name, made after the first was deleted, is refused and remembered (checklist B5). A uid
 * in the list is an administrator's word, and binds anew. `now` in milliseconds since the Unix epoch.
 */
export async function admitServiceAccount(
  store: Store,
  accessPoint: string,
  identity: ServiceAccountIdentity,
  uidIsListed: boolean,
  now: number,
): Promise<boolean> {
  const { provider, namespace, name, uid } = identity;
  if (uid === undefined) return false;
  const key = bindingKey(accessPoint, provider, namespace, name);
  if ((await serviceAccountBindingTable.get(store, key))?.uid === uid) return true;
  return store.transact(async (transaction) => {
    const bound = await serviceAccountBindingTable.get(transaction, key);
    if (bound === undefined || uidIsListed) {
      const binding = { accessPoint, provider, namespace, name, uid, boundTime: now };
      await serviceAccountBindingTable.put(transaction, key, binding);
      return true;
    }
    if (bound.uid !== uid && bound.refusedUid !== uid) {
      await serviceAccountBindingTable.put(transaction, key, { ...bound, refusedUid: uid, refusedTime: now });
    }
    return bound.uid === uid;
  });
}

/** The bindings of an access point, in the order of provider, namespace and name. */
export async function bindingsOf(reader: Reader, accessPoint: string): Promise<readonly ServiceAccountBinding[]> {
  return (await serviceAccountBindingTable.all(reader, `${accessPoint}\n`)).map(({ record }) => record);
}

/** Forgets the bindings of service accounts that the access point does not list any more: listed again, they bind anew. */
export async function releaseUnlisted(
  transaction: Transaction,
  accessPoint: string,
  listed: readonly ServiceAccountReference[],
): Promise<void> {
  for (const binding of await bindingsOf(transaction, accessPoint)) {
    const { provider, namespace, name } = binding;
    const isListed = listed.some(
      (reference) =>
        reference.namespace === namespace &&
        reference.name === name &&
        (reference.provider === undefined || reference.provider === provider),
    );
    if (!isListed) {
      await serviceAccountBindingTable.delete(transaction, bindingKey(accessPoint, provider, namespace, name));
    }
  }
}
