import { deleteClientKeyRecord } from '../kms/actions/access-points/client-key-deletion.ts';
import { buryDataKeyById, buryKey } from '../kms/burial.ts';
import { tombstoneTable } from '../kms/records/tombstone.ts';
import type { Store, Transaction } from '../ports/store.ts';
import { removeAccessKey } from '../ram/access-keys.ts';
import { ramBuckets } from '../ram/buckets.ts';

/** Buckets whose keys are tombstones. */
export const tombstoneBuckets: readonly string[] = [tombstoneTable.bucket, ramBuckets.tombstones];

/** What a tombstone is of, by the part of its name before the slash. */
const burials: Readonly<Record<string, (transaction: Transaction, id: string, now: number) => Promise<void>>> = {
  key: buryKey,
  'data-key': buryDataKeyById,
  'client-key': deleteClientKeyRecord,
  'access-key': removeAccessKey,
};

type Burial = (transaction: Transaction, now: number) => Promise<void>;

/** What to do for a tombstone. Throws when it is of a kind that this version does not know. */
function burialOf(name: string): Burial {
  const slash = name.indexOf('/');
  const bury = burials[name.slice(0, slash)];
  if (bury === undefined) {
    throw new Error(`The tombstone ${JSON.stringify(name.slice(0, 64))} is of a kind that this version does not know.`);
  }
  return (transaction, now) => bury(transaction, name.slice(slash + 1), now);
}

/** Throws when one of the tombstones could not be applied, before anything is changed. */
export function assertTombstones(names: readonly string[]): void {
  for (const name of names) burialOf(name);
}

/** Deletes again what the tombstones name, whatever a backup has brought back. Gives how many were applied. */
export async function applyTombstones(store: Store, names: readonly string[], now: number): Promise<number> {
  const distinct = new Set(names);
  for (const name of distinct) await store.transact((transaction) => burialOf(name)(transaction, now));
  return distinct.size;
}
