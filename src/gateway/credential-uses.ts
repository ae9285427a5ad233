import type { Clock } from '../lib/clock.ts';
import type { AuditEvent } from '../ports/audit-sink.ts';
import { credentialUseBucket, type CredentialUses } from '../ports/credential-uses.ts';
import type { Store, Transaction } from '../ports/store.ts';

/** How long a stored use stands before a later one of the same credential is stored, in milliseconds. */
const storeEveryMs = 300_000;
/** Credentials whose uses are held at most; further ones wait until some of them are stored. */
const defaultMaxCredentials = 10_000;
/** Credentials that are stored in one transaction. */
const batchSize = 100;

export interface CredentialUseTallyOptions {
  readonly store: Store;
  /** Its monotonic time decides when a use is stored again. */
  readonly clock: Clock;
  /** 10,000 unless given. */
  readonly maxCredentials?: number;
}

/**
 * When access keys and client keys were last used. Uses are noted in memory and stored by {@link CredentialUseTally.flush}, a credential
 * at most once in five minutes, so that no request costs a write; a process that is killed loses what it noted since.
 */
export class CredentialUseTally implements CredentialUses {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #maxCredentials: number;
  /** Uses that are not stored yet. */
  #pending = new Map<string, number>();
  /** When this process stored a use of the credential, in monotonic milliseconds. */
  readonly #stored = new Map<string, number>();

  constructor({ store, clock, maxCredentials = defaultMaxCredentials }: CredentialUseTallyOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#maxCredentials = maxCredentials;
  }

  /** Notes a request whose signature was right, whether or not it was then allowed. Sessions of STS do not count. */
  note({ principal, accessKeyId, time }: AuditEvent): void {
    if (accessKeyId === undefined || principal === 'anonymous' || accessKeyId.startsWith('STS.')) return;
    const before = this.#pending.get(accessKeyId);
    if (before === undefined && this.#pending.size >= this.#maxCredentials) return;
    this.#pending.set(accessKeyId, Math.max(before ?? 0, time));
  }

  async lastUse(credentialId: string): Promise<number | undefined> {
    const latest = Math.max(this.#pending.get(credentialId) ?? 0, (await readUse(this.#store, credentialId)) ?? 0);
    return latest === 0 ? undefined : latest;
  }

  /** Stores the uses that are due; `all` of them when the process ends. What cannot be stored stays noted. */
  async flush({ all = false }: { all?: boolean } = {}): Promise<void> {
    const now = this.#clock.monotonic();
    for (const [id, at] of this.#stored) if (now - at >= storeEveryMs) this.#stored.delete(id);
    const due = [...this.#pending].filter(([id]) => all || !this.#stored.has(id));
    for (let at = 0; at < due.length; at += batchSize) {
      const batch = due.slice(at, at + batchSize);
      await this.#store.transact(async (transaction) => {
        for (const [id, time] of batch) await storeUse(transaction, id, time);
      });
      for (const [id, time] of batch) {
        this.#stored.set(id, now);
        if (this.#pending.get(id) === time) this.#pending.delete(id);
      }
    }
  }
}

async function readUse(reader: Pick<Store, 'get'>, id: string): Promise<number | undefined> {
  const stored = await reader.get(credentialUseBucket, id);
  if (stored === undefined) return undefined;
  const { lastTime } = JSON.parse(Buffer.from(stored.value).toString('utf8')) as { lastTime: number };
  return lastTime;
}

/** Another replica may have stored a later use. */
async function storeUse(transaction: Transaction, id: string, time: number): Promise<void> {
  if (((await readUse(transaction, id)) ?? 0) >= time) return;
  await transaction.put(credentialUseBucket, id, Buffer.from(JSON.stringify({ v: 1, lastTime: time }), 'utf8'));
}
