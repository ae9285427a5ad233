import { createSecretKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { AeadError, lengthPrefixed, openAead, sealAead, type Random } from '../crypto/aead.ts';
import type { Clock } from '../lib/clock.ts';
import type { SealableStore, SealableTransaction } from './sealable-store.ts';
import { SealError } from '../ports/seal.ts';

/** The bucket of the barrier's own records. Nobody else reads or writes it through the barrier. */
export const barrierBucket = 'system/barrier';

/** Uses that a replica takes out of the count at a time: what it has not used when it ends counts as used. */
const blockOfUses = 65_536;

/** Key of the keyring's record in that bucket. */
export const keyringKey = 'keyring';

const keyringSchema = z.strictObject({
  active: z.int().min(1),
  keys: z
    .array(
      z.strictObject({
        id: z.int().min(1),
        material: z.base64(),
        createdAt: z.int(),
        /** Uses handed out to replicas so far. */
        uses: z.int().min(0),
      }),
    )
    .min(1),
  /** What purposes' keys are derived from, once the root key has been rotated: the first root key. */
  seed: z.base64().optional(),
});

type KeyringRecord = z.infer<typeof keyringSchema>;

export interface KeyringOptions {
  clock: Clock;
  random: Random;
  /** Uses after which the active key is replaced. */
  rotateAfterUses: number;
}

/** The uses that were reserved are used up: reserve more, then run the transaction again. */
export class UsesExhaustedError extends Error {}

/** The numbered data-encryption keys, held in the store sealed under the root key. */
export class Keyring {
  readonly #store: SealableStore;
  readonly #options: KeyringOptions;
  #root: KeyObject;
  #seed: KeyObject | undefined;
  readonly #keys = new Map<number, KeyObject>();
  #active = 0;
  #usesLeft = 0;
  #reserving: Promise<void> | undefined;

  private constructor(store: SealableStore, root: KeyObject, options: KeyringOptions) {
    this.#store = store;
    this.#root = root;
    this.#options = options;
  }

  /** Loads the keyring. Throws {@link SealError} when it is missing or was tampered with. */
  static async load(store: SealableStore, root: KeyObject, options: KeyringOptions): Promise<Keyring> {
    const keyring = new Keyring(store, root, options);
    await keyring.reload();
    return keyring;
  }

  /** Opens a keyring as it lies on disk, for reading only. */
  static fromRow(row: { value: Uint8Array; revision: number }, root: KeyObject): Map<number, KeyObject> {
    return new Map(openRecord(root, row).keys.map(({ id, material }) => [id, createSecretKey(material, 'base64')]));
  }

  /** Writes a first keyring of one key into `transaction`. */
  static async create(transaction: SealableTransaction, root: KeyObject, options: KeyringOptions): Promise<void> {
    const first = withNewKey({ active: 0, keys: [] }, options);
    await writeRecord(transaction, root, first, options.random);
  }

  /** What keys for purposes are derived from: it outlives the root key. */
  get seed(): KeyObject {
    return this.#seed ?? this.#root;
  }

  /** Goes on under another root key: that of the store now. */
  useRoot(root: KeyObject): void {
    this.#root = root;
  }

  /** Writes the keyring under a new root key, within the transaction that stores that key. */
  async rewrap(transaction: SealableTransaction, root: KeyObject): Promise<void> {
    const record = openRecord(this.#root, await transaction.get(barrierBucket, keyringKey));
    const seed = record.seed ?? this.#root.export().toString('base64');
    await writeRecord(transaction, root, { ...record, seed }, this.#options.random);
  }

  /** Key to seal one more value with. Throws {@link UsesExhaustedError} when a block must be reserved first. */
  use(): { id: number; key: KeyObject } {
    const key = this.#keys.get(this.#active);
    if (key === undefined || this.#usesLeft <= 0) throw new UsesExhaustedError();
    this.#usesLeft -= 1;
    return { id: this.#active, key };
  }

  /** Key with that number, as far as this replica knows. */
  find(id: number): KeyObject | undefined {
    return this.#keys.get(id);
  }

  /** Reads the keyring again, as after a rotation by another replica. */
  async reload(): Promise<void> {
    const stored = await this.#store.get(barrierBucket, keyringKey);
    this.#adopt(openRecord(this.#root, stored));
  }

  /**
   * Takes a block of at least `uses` out of the active key's count, and replaces the key when the block would pass the
   * limit. Calls that meet share one block: whoever finds it used up asks again.
   */
  async reserve(uses: number): Promise<void> {
    this.#reserving ??= this.#reserve(uses).finally(() => (this.#reserving = undefined));
    await this.#reserving;
  }

  async #reserve(uses: number): Promise<void> {
    const { rotateAfterUses } = this.#options;
    const block = Math.max(uses, Math.min(blockOfUses, rotateAfterUses));
    const record = await this.#change((before) => {
      const active = before.keys.find((key) => key.id === before.active);
      const full = active === undefined || active.uses + block > rotateAfterUses;
      const { active: id, keys, ...rest } = full ? withNewKey(before, this.#options) : before;
      return {
        ...rest,
        active: id,
        keys: keys.map((key) => (key.id === id ? { ...key, uses: key.uses + block } : key)),
      };
    });
    if (record.active === this.#active) this.#usesLeft = block;
  }

  /** Makes a new key and uses it from now on. Returns its number. */
  async rotate(): Promise<number> {
    await this.#change((record) => withNewKey(record, this.#options));
    return this.#active;
  }

  async #change(next: (record: KeyringRecord) => KeyringRecord): Promise<KeyringRecord> {
    const record = await this.#store.transact(async (transaction) => {
      const changed = next(openRecord(this.#root, await transaction.get(barrierBucket, keyringKey)));
      await writeRecord(transaction, this.#root, changed, this.#options.random);
      return changed;
    });
    this.#adopt(record);
    return record;
  }

  #adopt(record: KeyringRecord): void {
    if (record.seed !== undefined) this.#seed = createSecretKey(record.seed, 'base64');
    if (record.active > this.#active) {
      this.#usesLeft = 0;
      this.#active = record.active;
    }
    for (const { id, material } of record.keys) {
      if (!this.#keys.has(id)) this.#keys.set(id, createSecretKey(material, 'base64'));
    }
  }
}

function withNewKey(record: KeyringRecord, { clock, random }: KeyringOptions): KeyringRecord {
  const id = record.active + 1;
  const material = random(32).toString('base64');
  return { ...record, active: id, keys: [...record.keys, { id, material, createdAt: clock.now(), uses: 0 }] };
}

function aadOf(revision: number): Buffer {
  return lengthPrefixed(barrierBucket, keyringKey, String(revision));
}

async function writeRecord(
  transaction: SealableTransaction,
  root: KeyObject,
  record: KeyringRecord,
  random: Random,
): Promise<void> {
  await transaction.putWith(barrierBucket, keyringKey, (revision) => {
    const plaintext = Buffer.from(JSON.stringify(record));
    const sealed = sealAead(root, plaintext, aadOf(revision), random);
    plaintext.fill(0);
    return sealed;
  });
}

function openRecord(root: KeyObject, stored: { value: Uint8Array; revision: number } | undefined): KeyringRecord {
  const advice = 'Restore the store from a backup: without its keyring no value can be read.';
  if (stored === undefined) throw new SealError(`The store holds a root key but no keyring. ${advice}`);
  let plaintext: Buffer;
  try {
    plaintext = openAead(root, stored.value, aadOf(stored.revision));
  } catch (error) {
    if (!(error instanceof AeadError)) throw error;
    const message = `The keyring does not open under the root key: one of the two was changed or swapped. ${advice}`;
    throw new SealError(message, { cause: error });
  }
  const record = keyringSchema.parse(JSON.parse(plaintext.toString('utf8')));
  plaintext.fill(0);
  return record;
}
