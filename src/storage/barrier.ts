import { randomBytes, type KeyObject } from 'node:crypto';
import { AeadError, type Random } from '../crypto/aead.ts';
import { deriveEd25519Key, deriveSecretKey } from '../crypto/kdf.ts';
import { systemClock, type Clock } from '../lib/clock.ts';
import {
  StoreSealedError,
  type Decode,
  type ScanOptions,
  type Store,
  type StoreChange,
  type StoredEntry,
  type StoredValue,
  type Transaction,
} from '../ports/store.ts';
import { barrierBucket, Keyring, UsesExhaustedError, type KeyringOptions } from './barrier-keyring.ts';
import { createRoot, replaceRoot, rewrapRoot, rootKey, unwrapRoot } from './barrier-root.ts';
import { keyIdOf, openValue, sealValue, TamperedValueError, type ValuePlace } from './barrier-value.ts';
import { BufferedTransaction, type StoreReader } from './buffered-transaction.ts';
import type { ChangeListener } from './change-feed.ts';
import { frozen } from './frozen.ts';
import type { SealableStore, SealableTransaction } from './sealable-store.ts';
import { SealError, type Seal } from '../ports/seal.ts';
import { ViewCache } from './view-cache.ts';

export interface BarrierOptions {
  clock?: Clock;
  random?: Random;
  /** Makes root key and keyring in a store that is empty. Off unless asked. */
  createIfMissing?: boolean;
  /** Values sealed with one data-encryption key before the next one is made; 2^31 unless given, below 2^32. */
  rotateAfterUses?: number;
  /** Memory for opened records that are kept; 32 MiB unless given. */
  viewBytes?: number;
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
  readonly recall: NonNullable<Store['recall']>;
  readonly sealed: boolean;
  /** Forgets every key. Takes effect at once, also for transactions that are under way. */
  seal(): void;
  /** Asks the seal for the root key again. No effect when unsealed. */
  unseal(): Promise<void>;
  /** Makes a new data-encryption key for all later writes; values sealed before stay readable. Returns its number. */
  rotate(): Promise<number>;
  /**
   * Makes a new root key, wrapped by the seal, and puts the keyring under it; other replicas take it up when they next
   * need it. The keys that `derive…` gives stay.
   */
  rotateRoot(): Promise<void>;
  /** Wraps the root key with another seal from now on, such as when moving from a file to an HSM. */
  reseal(seal: Seal): Promise<void>;
  /** A 256-bit key for one purpose, derived from the first root key: the same after a restart and after rotations. */
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
  const views = new ViewCache(options.viewBytes ?? 32 * 2 ** 20);
  if (!(rotateAfterUses >= 1 && rotateAfterUses < 2 ** 32)) {
    throw new RangeError('A data-encryption key is replaced after 1 to 2^32 - 1 uses.');
  }
  const keyring = { clock, random, rotateAfterUses };
  if (createIfMissing && (await store.get(barrierBucket, rootKey)) === undefined) {
    await createRoot(store, seal, keyring);
  }
  const barrier = new SealedStore(store, seal, keyring, views);
  await barrier.unseal();
  return barrier;
}

class SealedStore implements Barrier {
  readonly #store: SealableStore;
  readonly #options: KeyringOptions;
  #seal: Seal;
  readonly #views: ViewCache;
  #unfollow: (() => void) | undefined;
  #keyring: Keyring | undefined;

  constructor(store: SealableStore, seal: Seal, options: KeyringOptions, views: ViewCache) {
    this.#store = store;
    this.#seal = seal;
    this.#options = options;
    this.#views = views;
  }

  get sealed(): boolean {
    return this.#keyring === undefined;
  }

  seal(): void {
    this.#keyring = undefined;
    this.#views.lostTrack();
    this.#unfollow?.();
    this.#unfollow = undefined;
  }

  async unseal(): Promise<void> {
    if (this.#keyring !== undefined) return;
    this.#keyring = await this.#load().catch((error: unknown) => {
      // Another replica may have rotated the root key between the two reads.
      if (error instanceof SealError) return this.#load();
      throw error;
    });
    this.#unfollow ??= this.#store.follow(this.#views);
  }

  async #load(): Promise<Keyring> {
    return Keyring.load(this.#store, await unwrapRoot(this.#store, this.#seal), this.#options);
  }

  async rotate(): Promise<number> {
    return this.#withPresentRoot((keyring) => keyring.rotate());
  }

  async rotateRoot(): Promise<void> {
    const { random } = this.#options;
    const root = await this.#withPresentRoot((keyring) => replaceRoot(this.#store, this.#seal, keyring, random));
    await this.#adoptRoot(root);
  }

  async reseal(seal: Seal): Promise<void> {
    this.#open();
    await rewrapRoot(this.#store, this.#seal, seal);
    this.#seal = seal;
  }

  deriveSecretKey(purpose: string): KeyObject {
    return deriveSecretKey(this.#open().seed, `kaap secret key v1 ${purpose}`);
  }

  deriveSigningKey(purpose: string): KeyObject {
    return deriveEd25519Key(this.#open().seed, `kaap signing key v1 ${purpose}`);
  }

  /** Runs what opens or writes the keyring; once more when another replica has rotated the root key. */
  async #withPresentRoot<T>(work: (keyring: Keyring) => Promise<T>): Promise<T> {
    const keyring = this.#open();
    try {
      return await work(keyring);
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      await this.#adoptRoot(await unwrapRoot(this.#store, this.#seal));
      return work(this.#open());
    }
  }

  async #adoptRoot(root: KeyObject): Promise<void> {
    const keyring = this.#open();
    keyring.useRoot(root);
    await keyring.reload();
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
        const needed = writes;
        await this.#withPresentRoot((keyring) => keyring.reserve(needed));
      }
    }
  }

  async get(bucket: string, key: string): Promise<StoredValue | undefined> {
    return this.#readerOf(this.#store).get(bucket, key);
  }

  async view<T extends object>(bucket: string, key: string, decode: Decode<T>): Promise<T | undefined> {
    this.#assertReachable(bucket);
    const caughtUp = this.#store.catchUp();
    if (caughtUp !== undefined) await caughtUp;
    this.#open();
    const kept = this.#views.find(bucket, key, decode);
    // The cache gives only what this function made.
    if (kept !== undefined) return kept.record as T | undefined;
    const { round } = this.#views;
    const stored = await this.get(bucket, key);
    const record = stored && frozen(decode(stored.value));
    this.#views.keep(bucket, key, { decode, record }, { round, bytes: stored?.value.length ?? 0 });
    stored?.value.fill(0);
    return record;
  }

  recall<T extends object>(bucket: string, key: string, decode: Decode<T>): T | undefined {
    this.#assertReachable(bucket);
    return this.#views.find(bucket, key, decode)?.record as T | undefined;
  }

  async scan(bucket: string, options?: ScanOptions): Promise<readonly StoredEntry[]> {
    this.#assertReachable(bucket);
    return this.#unsealAll(bucket, await this.#store.scan(bucket, options));
  }

  async keys(bucket: string, options?: ScanOptions): Promise<readonly string[]> {
    this.#assertReachable(bucket);
    return this.#store.keys(bucket, options);
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

  #open(): Keyring {
    if (this.#keyring === undefined) throw new StoreSealedError();
    return this.#keyring;
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
    const dek = this.#open().use();
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
    const known = this.#open().find(id);
    if (known !== undefined) return known;
    await this.#withPresentRoot((keyring) => keyring.reload());
    return this.#open().find(id);
  }
}
