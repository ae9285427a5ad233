import type { Store } from '../../src/ports/store.ts';

/** The bytes of a text. */
export const bytes = (value: string): Buffer => Buffer.from(value, 'utf8');

/** The text of a value. */
export const text = (stored: { value: Uint8Array } | undefined): string | undefined =>
  stored && Buffer.from(stored.value).toString('utf8');

/** Writes one value in a transaction of its own. */
export async function put(store: Store, bucket: string, key: string, value: string): Promise<void> {
  await store.transact((transaction) => transaction.put(bucket, key, bytes(value)));
}

/** Adds one to a number in the bucket `counter`. */
export async function increment(store: Store, key: string): Promise<void> {
  await store.transact(async (transaction) => {
    const before = Number(text(await transaction.get('counter', key)) ?? '0');
    await transaction.put('counter', key, bytes(String(before + 1)));
  });
}
