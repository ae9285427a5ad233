import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { AeadError, type Random } from '../crypto/aead.ts';
import { deriveEd25519Key, deriveSecretKey } from '../crypto/kdf.ts';
import { systemClock, type Clock } from '../lib/clock.ts';
import {
  StoreSealedError,
  type ScanOptions,
  type Store,
  type StoreChange,
  type StoredEntry,
  type StoredValue,
  type Transaction,
} from '../ports/store.ts';
import { barrierBucket, Keyring, UsesExhaustedError, type KeyringOptions } from './barrier-keyring.ts';
import { keyIdOf, openValue, sealValue, TamperedValueError, type ValuePlace } from './barrier-value.ts';
import { BufferedTransaction, type StoreReader } from './buffered-transaction.ts';
import type { ChangeListener } from './change-listeners.ts';
import type { SealableStore, SealableTransaction } from './sealable-store.ts';
import { SealError, type Seal } from './seal/seal.ts';

export interface BarrierOptions {
  clock?: Clock;
  random?: Random;
  /** Makes root key and keyring in a store that is empty. Off unless asked. */
  createIfMissing?: boolean;
  /** Values sealed with one data-encryption key before the next one is made; 2^31 unless given, below 2^32. */
  rotateAfterUses?: number;
}

/**
 * A store whose values are sealed with AES-256-GCM on their way into another one. While it is sealed, everything throws
 * StoreSealedError.
 *
 * The ciphertext is bound to bucket, key and the revision that the inner store gave the write (`putWith`). So a value
 * that was moved to another key, or replaced by an earlier value of the same key, does not open. What it cannot see: a
 * row put back together with its old revision, a deleted row, and an earlier copy of the whole file; see
 * docs/adr/0004-store-and-barrier.md. Names of buckets and keys, and lengths of values, are not hidden.
 */
export interface Barrier extends Store {
  readonly sealed: boolean;
  /** Forgets every key. Takes effect at once, also for transactions that are under way. */
  seal(): void;
  /** Asks the seal for the root key again. No effect when unsealed. */
  unseal(): Promise<void>;
  /** Makes a new data-encryption key for all later writes; values sealed before stay readable. Returns its number. */
  rotate(): Promise<number>;
  /** A 256-bit key for one purpose, derived from the root key: the same after a restart and after `rotate`. */
  deriveSecretKey(purpose: string): KeyObject;
  /** An Ed25519 private key for one purpose, derived likewise: `deriveSigningKey('audit-checkpoint')`. */
  deriveSigningKey(purpose: string): KeyObject;
}

/**
 * Opens the barrier over `store`: unseals it, or with `createIfMissing` makes a new one in an empty store. Throws
 * {@link SealError} when the seal is another one, or a record of the barrier is missing or changed.
 */
export async function openBarrier(store: SealableStore, seal: Seal, options: BarrierOptions = {}): Promise<Barrier> {
  const { clock = systemClock, random = randomBytes, rotateAfterUses = 2 ** 31, createIfMissing = false } = options;
  if (!(rotateAfterUses >= 1 && rotateAfterUses < 2 ** 32)) {
    throw new RangeError('A data-encryption key is replaced after 1 to 2^32 - 1 uses.');
  }
  const keyring = { clock, random, rotateAfterUses };
  if (createIfMissing && (await store.get(barrierBucket, rootKey)) === undefined) {
    await createRoot(store, seal, keyring);
  }
  const barrier = new SealedStore(store, seal, keyring);
  await barrier.unseal();
  return barrier;
}

const rootKey = 'root';
const rootBytes = 32;

const rootSchema = z.strictObject({ version: z.literal(1), seal: z.string(), wrapped: z.base64() });

async function createRoot(store: SealableStore, seal: Seal, options: KeyringOptions): Promise<void> {
  const bytes = options.random(rootBytes);
  const root = createSecretKey(bytes);
  const wrapped = (await seal.wrap(bytes)).toString('base64');
  bytes.fill(0);
  const record = Buffer.from(JSON.stringify({ version: 1, seal: seal.kind, wrapped }));
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

async function unwrapRoot(store: SealableStore, seal: Seal): Promise<KeyObject> {
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

interface Keys {
  root: KeyObject;
  keyring: Keyring;
}

class SealedStore implements Barrier {
  readonly #store: SealableStore;
  readonly #seal: Seal;
  readonly #options: KeyringOptions;
  #keys: Keys | undefined;

  constructor(store: SealableStore, seal: Seal, options: KeyringOptions) {
    this.#store = store;
    this.#seal = seal;
    this.#options = options;
  }

  get sealed(): boolean {
    return this.#keys === undefined;
  }

  seal(): void {
    this.#keys = undefined;
  }

  async unseal(): Promise<void> {
    if (this.#keys !== undefined) return;
    const root = await unwrapRoot(this.#store, this.#seal);
    this.#keys = { root, keyring: await Keyring.load(this.#store, root, this.#options) };
  }

  async rotate(): Promise<number> {
    return this.#open().keyring.rotate();
  }

  deriveSecretKey(purpose: string): KeyObject {
    return deriveSecretKey(this.#open().root, `kaap secret key v1 ${purpose}`);
  }

  deriveSigningKey(purpose: string): KeyObject {
    return deriveEd25519Key(this.#open().root, `kaap signing key v1 ${purpose}`);
  }

  async transact<T>(work: (transaction: Transaction) => Promise<T> | T): Promise<T> {
    for (;;) {
      let writes = 0;
      try {
        return await this.#store.transact(async (inner) => {
          const outer = new BufferedTransaction(this.#readerOf(inner));
          const result = await work(outer);
          outer.end();
          writes = outer.writes.size;
          await this.#passOn(outer, inner);
          return result;
        });
      } catch (error) {
        if (!(error instanceof UsesExhaustedError)) throw error;
        await this.#open().keyring.reserve(writes);
      }
    }
  }

  async get(bucket: string, key: string): Promise<StoredValue | undefined> {
    return this.#readerOf(this.#store).get(bucket, key);
  }

  async scan(bucket: string, options?: ScanOptions): Promise<readonly StoredEntry[]> {
    this.#assertReachable(bucket);
    return this.#unsealAll(bucket, await this.#store.scan(bucket, options));
  }

  watch(listener: ChangeListener): () => void {
    this.#open();
    return this.#store.watch((changes) => {
      const visible = changes.filter((change: StoreChange) => change.bucket !== barrierBucket);
      if (visible.length > 0) listener(visible);
    });
  }

  async close(): Promise<void> {
    this.seal();
    await this.#store.close();
  }

  #open(): Keys {
    if (this.#keys === undefined) throw new StoreSealedError();
    return this.#keys;
  }

  #assertReachable(bucket: string): void {
    this.#open();
    if (bucket === barrierBucket) throw new TypeError(`The bucket ${barrierBucket} belongs to the barrier.`);
  }

  #readerOf(inner: Pick<Transaction, 'get' | 'scan'>): StoreReader & { get: Store['get'] } {
    return {
      get: async (bucket, key) => {
        this.#assertReachable(bucket);
        const stored = await inner.get(bucket, key);
        return stored && { ...stored, value: await this.#unsealValue({ bucket, key, ...stored }) };
      },
      scan: async (bucket, { prefix, after, limit }) => {
        this.#assertReachable(bucket);
        const entries = await inner.scan(bucket, after === undefined ? { prefix, limit } : { prefix, after, limit });
        return this.#unsealAll(bucket, entries);
      },
    };
  }

  /** Hands the writes to the inner transaction, each to be sealed when its revision is known. */
  async #passOn(outer: BufferedTransaction, inner: SealableTransaction): Promise<void> {
    this.#open();
    for (const { bucket, key, value } of outer.writes.values()) {
      this.#assertReachable(bucket);
      if (value === undefined) await inner.delete(bucket, key);
      else await inner.putWith(bucket, key, (revision) => this.#sealValue({ bucket, key, revision }, value));
    }
  }

  #sealValue(place: ValuePlace, value: Uint8Array): Buffer {
    const dek = this.#open().keyring.use();
    return sealValue(dek, place, value, this.#options.random);
  }

  async #unsealAll(bucket: string, entries: readonly StoredEntry[]): Promise<StoredEntry[]> {
    const unsealed: StoredEntry[] = [];
    for (const entry of entries) unsealed.push({ ...entry, value: await this.#unsealValue({ bucket, ...entry }) });
    return unsealed;
  }

  async #unsealValue(stored: ValuePlace & { value: Uint8Array }): Promise<Buffer> {
    const keyId = keyIdOf(stored.value);
    const key = keyId === undefined ? undefined : await this.#findKey(keyId);
    this.#open();
    if (key === undefined) throw new TamperedValueError(stored.bucket, stored.key);
    try {
      return openValue(key, stored, stored.value);
    } catch (error) {
      if (error instanceof AeadError) throw new TamperedValueError(stored.bucket, stored.key);
      throw error;
    }
  }

  /** A number that is not known yet may be of a key that another replica made. */
  async #findKey(id: number): Promise<KeyObject | undefined> {
    const { keyring } = this.#open();
    const known = keyring.find(id);
    if (known !== undefined) return known;
    await keyring.reload();
    return keyring.find(id);
  }
}
