import { createHmac, type KeyObject } from 'node:crypto';
import type { Pool } from 'pg';
import { createPool, databaseUnavailable, type PostgresOptions } from './postgres-connection.ts';

/** Longer than the 31 minutes for which a nonce is unique (Alibaba Cloud: SignatureNonce). */
const retention = '35 minutes';
const forgetEveryMs = 60_000;
const fingerprintBytes = 16;

export interface PostgresNoncesOptions {
  connection: PostgresOptions;
  /** Keeps callers from choosing colliding nonces; the same on every replica. */
  salt: KeyObject;
  /** Hears which revision was there while nonces were claimed; see `PostgresStore.saw`. */
  saw: (revision: number) => void;
}

interface Claim {
  fingerprint: Buffer;
  resolve: (claim: 'fresh' | 'used') => void;
  reject: (error: unknown) => void;
}

/**
 * Remembers signature nonces for all replicas, so that a request that one of them took counts at no other, nor after a
 * restart. Claims of one turn of the event loop are one statement, which is a look for changes as well. A nonce that cannot be written is an error, and the
 * request is refused. Writes are answered before they are durable: a crash of the database server forgets the nonces of
 * its last half second, never one that a replica of Kaap alone crashed with.
 */
export class PostgresNonces {
  readonly claimsLook = true;
  readonly #pool: Pool;
  readonly #salt: KeyObject;
  readonly #saw: (revision: number) => void;
  readonly #timer: NodeJS.Timeout;
  #waiting: Claim[] = [];

  constructor({ connection, salt, saw }: PostgresNoncesOptions) {
    this.#pool = createPool({ ...connection, poolSize: 2, durable: false });
    this.#salt = salt;
    this.#saw = saw;
    this.#timer = setInterval(() => void this.#forget(), forgetEveryMs).unref();
  }

  claim(accessKeyId: string, nonce: string): Promise<'fresh' | 'used'> {
    const text = `${accessKeyId.length}:${accessKeyId}${nonce}`;
    const fingerprint = createHmac('sha256', this.#salt).update(text).digest().subarray(0, fingerprintBytes);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ fingerprint, resolve, reject });
      if (this.#waiting.length === 1) setImmediate(() => void this.#claimWaiting());
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#pool.end();
  }

  async #claimWaiting(): Promise<void> {
    const claims = this.#waiting;
    this.#waiting = [];
    // Of two alike in one statement the second was used already.
    const first = new Map<string, Claim>();
    for (const claim of claims) {
      const id = claim.fingerprint.toString('latin1');
      if (first.has(id)) claim.resolve('used');
      else first.set(id, claim);
    }
    try {
      const { rows } = await this.#pool.query<{ fingerprint: Buffer; revision: string }>({
        name: 'claim',
        text: `INSERT INTO nonces SELECT f, now() + interval '${retention}' FROM unnest($1::bytea[]) AS f
               ON CONFLICT DO NOTHING
               RETURNING fingerprint, (SELECT value FROM counters WHERE name = 'revision') AS revision`,
        values: [
          [...first.values()].map(({ fingerprint }) => fingerprint).toSorted((one, other) => one.compare(other)),
        ],
      });
      if (rows[0] !== undefined) this.#saw(Number(rows[0].revision));
      const fresh = new Set(rows.map(({ fingerprint }) => fingerprint.toString('latin1')));
      for (const [id, { resolve }] of first) resolve(fresh.has(id) ? 'fresh' : 'used');
    } catch (error) {
      for (const { reject } of first.values()) reject(databaseUnavailable(error));
    }
  }

  /** What is not forgotten in this round is in the next. */
  async #forget(): Promise<void> {
    await this.#pool.query('DELETE FROM nonces WHERE expires_at < now()').catch(() => undefined);
  }
}
