import { z } from 'zod';
import type { Store } from '../ports/store.ts';
import { barrierBucket } from './barrier-keyring.ts';
import type { RawRow } from './raw-rows.ts';

const orderKey = 'seal-order';

const orderSchema = z.strictObject({ since: z.int() });

/**
 * An order to stay sealed, in the store itself and not sealed: every replica finds it, at once and after a restart, and
 * it can be lifted without a key. Whoever can write it can write to the whole store.
 */
export interface SealOrder {
  /** Milliseconds since the Unix epoch. */
  since: number;
}

/** The order that stands; undefined when the service may be unsealed. */
export async function readSealOrder(store: Pick<Store, 'get'>): Promise<SealOrder | undefined> {
  const stored = await store.get(barrierBucket, orderKey);
  return stored && orderSchema.parse(JSON.parse(Buffer.from(stored.value).toString('utf8')));
}

/** Orders every replica to seal itself. */
export async function orderSeal(store: Pick<Store, 'transact'>, now: number): Promise<void> {
  const order: SealOrder = { since: now };
  await store.transact((transaction) => transaction.put(barrierBucket, orderKey, Buffer.from(JSON.stringify(order))));
}

/** Lifts the order: every replica asks its seal for the root key. Tells whether there was one. */
export async function liftSealOrder(store: Pick<Store, 'transact'>): Promise<boolean> {
  return store.transact(async (transaction) => {
    const stood = (await transaction.get(barrierBucket, orderKey)) !== undefined;
    await transaction.delete(barrierBucket, orderKey);
    return stood;
  });
}

/** The order as a row, for a store that is being restored. */
export function sealOrderRow(now: number, revision: number): RawRow {
  return { bucket: barrierBucket, key: orderKey, revision, value: Buffer.from(JSON.stringify({ since: now })) };
}

/** Calls `changed` when an order was given or lifted. Give it the store under the barrier. Returns the stop. */
export function watchSealOrder(store: Pick<Store, 'watch'>, changed: () => void): () => void {
  return store.watch((changes) => {
    if (changes.some(({ bucket, key }) => bucket === barrierBucket && key === orderKey)) changed();
  });
}
