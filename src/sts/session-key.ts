import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Store } from '../ports/store.ts';

const BUCKET = 'sts/session-keys';
const CURRENT = 'current';
const KEY_BYTES = 32;

/** The key that seals session tokens: the same for every replica on one store, made at the first call. */
export async function ensureSessionKey(store: Store, random: (bytes: number) => Buffer): Promise<KeyObject> {
  return store.transact(async (transaction) => {
    const present = await transaction.get(BUCKET, CURRENT);
    if (present !== undefined) return createSecretKey(present.value);
    const bytes = random(KEY_BYTES);
    await transaction.put(BUCKET, CURRENT, bytes);
    return createSecretKey(bytes);
  });
}
