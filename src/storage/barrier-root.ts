import { createSecretKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { barrierBucket, Keyring, type KeyringOptions } from './barrier-keyring.ts';
import type { SealableStore, SealableTransaction } from './sealable-store.ts';
import { SealError, type Seal } from '../ports/seal.ts';

/** Key of the record of the root key in the barrier's bucket. */
export const rootKey = 'root';
const rootBytes = 32;

const rootSchema = z.strictObject({ version: z.literal(1), seal: z.string(), wrapped: z.base64() });

/** Makes root key and keyring in a store that has never had any. */
export async function createRoot(store: SealableStore, seal: Seal, options: KeyringOptions): Promise<void> {
  const { root, record } = await newRoot(seal, options.random);
  await store.transact(async (transaction) => {
    if ((await transaction.get(barrierBucket, rootKey)) !== undefined) return;
    await transaction.putWith(barrierBucket, rootKey, (revision) => {
      if (revision === 1) return record;
      throw new SealError(
        'The store holds data but no root key, so that its values could never be read again under a new one. ' +
          'Restore the store from a backup, or begin with an empty one.',
      );
    });
    await Keyring.create(transaction, root, options);
  });
}

/** Asks the seal for the root key. Throws {@link SealError} when the seal is another one, or the record is damaged. */
export async function unwrapRoot(store: SealableStore, seal: Seal): Promise<KeyObject> {
  const stored = await store.get(barrierBucket, rootKey);
  if (stored === undefined) {
    throw new SealError('The store has no root key. Initialise it first, or restore it from a backup.');
  }
  const record = rootSchema.safeParse(parseJson(stored.value));
  if (!record.success) {
    throw new SealError('The record of the root key is damaged. Restore the store from a backup.', {
      cause: record.error,
    });
  }
  if (record.data.seal !== seal.kind) {
    throw new SealError(
      `The store was sealed with a ${record.data.seal} seal, not a ${seal.kind} one. Configure that.`,
    );
  }
  const bytes = await seal.unwrap(Buffer.from(record.data.wrapped, 'base64'));
  const root = createSecretKey(bytes);
  bytes.fill(0);
  return root;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** A new root key, and its record as it is stored. */
async function newRoot(seal: Seal, random: KeyringOptions['random']): Promise<{ root: KeyObject; record: Buffer }> {
  const bytes = random(rootBytes);
  const root = createSecretKey(bytes);
  const record = await wrapRecord(seal, bytes);
  bytes.fill(0);
  return { root, record };
}

/** The record of a root key, wrapped by a seal. */
export async function wrapRecord(seal: Seal, bytes: Buffer): Promise<Buffer> {
  const wrapped = (await seal.wrap(bytes)).toString('base64');
  return Buffer.from(JSON.stringify({ version: 1, seal: seal.kind, wrapped }));
}

/**
 * Puts a new root key in place of the present one, and the keyring under it, in one transaction. Throws {@link SealError} when
 * the store was resealed: the new key would be under a seal that nobody configures any more.
 */
export async function replaceRoot(
  store: SealableStore,
  seal: Seal,
  keyring: Keyring,
  random: KeyringOptions['random'],
): Promise<KeyObject> {
  await unwrapRoot(store, seal);
  const { root, record } = await newRoot(seal, random);
  await store.transact(async (transaction) => {
    await keyring.rewrap(transaction, root);
    await transaction.put(barrierBucket, rootKey, record);
  });
  return root;
}

/** Wraps the root key with another seal; the key stays. */
export async function rewrapRoot(store: SealableStore, from: Seal, to: Seal): Promise<void> {
  const root = await unwrapRoot(store, from);
  const bytes = root.export();
  const record = await wrapRecord(to, bytes);
  bytes.fill(0);
  await store.transact(async (transaction: SealableTransaction) => {
    await transaction.put(barrierBucket, rootKey, record);
  });
}
