import { hash } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';

/** What became of a claimed nonce: `fresh` once, `used` on every later claim, `full` when no more can be remembered. */
export type NonceClaim = 'fresh' | 'used' | 'full';

/** Remembers signature nonces for longer than a request's timestamp is accepted, so that no request counts twice. */
export interface NonceStore {
  /**
   * Whether a claim is a question to the store of all replicas that tells it of changes, too: then nobody who goes on because
   * of it asks again. Not unless given.
   */
  readonly claimsLook?: boolean;
  claim(accessKeyId: string, nonce: string): NonceClaim | Promise<NonceClaim>;
}

export interface MemoryNonceStoreOptions {
  /** Its monotonic time decides, so that a stepped wall clock forgets nothing early (checklist D7). */
  clock: Clock;
  /** Secret that keeps callers from choosing colliding nonces; 32 bytes. */
  salt: Buffer;
  /** Nonces remembered at most; 4,194,304 unless given. Each takes 8 to 22 bytes. */
  maxNonces?: number;
}

/** A nonce is unique for 31 minutes (Alibaba Cloud: SignatureNonce), one more than the timestamps accepted span. */
const retentionMs = 31 * 60 * 1000;
/** The store forgets a whole generation at a time, so a nonce is kept for 31 to 35.5 minutes. */
const generationMs = retentionMs / 7;
const firstSlots = 1024;

/** A set of 64-bit fingerprints in one typed array: open addressing, linear probing, at most 3/4 full. */
class FingerprintSet {
  readonly bornMs: number;
  size = 0;
  #slots: BigUint64Array = new BigUint64Array(firstSlots);

  constructor(bornMs: number) {
    this.bornMs = bornMs;
  }

  has(fingerprint: bigint): boolean {
    return this.#slots[this.#slotOf(this.#slots, fingerprint)] === fingerprint;
  }

  add(fingerprint: bigint): void {
    if ((this.size + 1) * 4 > this.#slots.length * 3) this.#grow();
    this.#slots[this.#slotOf(this.#slots, fingerprint)] = fingerprint;
    this.size++;
  }

  /** Where the fingerprint is, or the empty slot where it would be. Zero marks an empty slot. */
  #slotOf(slots: BigUint64Array, fingerprint: bigint): number {
    const mask = slots.length - 1;
    let slot = Number(fingerprint & 0xffffffffn) & mask;
    while (slots[slot] !== 0n && slots[slot] !== fingerprint) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const grown = new BigUint64Array(this.#slots.length * 2);
    for (const fingerprint of this.#slots) {
      if (fingerprint !== 0n) grown[this.#slotOf(grown, fingerprint)] = fingerprint;
    }
    this.#slots = grown;
  }
}

/**
 * A nonce store in this process's memory. It refuses new nonces when it is full rather than forget one that could still
 * be replayed. It stores salted 64-bit fingerprints: two of four million collide with a chance below 2^-19, and then the
 * second caller is told to sign again with another nonce.
 */
export class MemoryNonceStore implements NonceStore {
  readonly #clock: Clock;
  readonly #salt: Buffer;
  readonly #maxNonces: number;
  #generations: FingerprintSet[] = [];
  #size = 0;

  constructor(options: MemoryNonceStoreOptions) {
    this.#clock = options.clock;
    this.#salt = options.salt;
    this.#maxNonces = options.maxNonces ?? 4 * 1024 * 1024;
  }

  claim(accessKeyId: string, nonce: string): NonceClaim {
    const current = this.#currentGeneration();
    const fingerprint = this.#fingerprintOf(accessKeyId, nonce);
    if (this.#generations.some((generation) => generation.has(fingerprint))) return 'used';
    if (this.#size >= this.#maxNonces) return 'full';
    current.add(fingerprint);
    this.#size++;
    return 'fresh';
  }

  #currentGeneration(): FingerprintSet {
    const now = this.#clock.monotonic();
    const newest = this.#generations.at(-1);
    if (newest !== undefined && now - newest.bornMs < generationMs) return newest;
    const oldestKept = now - retentionMs - generationMs;
    this.#generations = this.#generations.filter((generation) => generation.bornMs > oldestKept);
    const generation = new FingerprintSet(now);
    this.#generations.push(generation);
    this.#size = this.#generations.reduce((sum, { size }) => sum + size, 0);
    return generation;
  }

  #fingerprintOf(accessKeyId: string, nonce: string): bigint {
    const text = Buffer.from(`${accessKeyId.length}:${accessKeyId}${nonce}`, 'utf8');
    const fingerprint = hash('sha256', Buffer.concat([this.#salt, text]), 'buffer').readBigUInt64LE(0);
    return fingerprint === 0n ? 1n : fingerprint;
  }
}
