import type { AuditEvent } from '../ports/audit-sink.ts';
import type { Store, Transaction } from '../ports/store.ts';
import { containerArn, type Home } from './arn.ts';
import {
  observationKey,
  secretConsumersTable,
  secretObservationTable,
  type SecretConsumersRecord,
} from './records/secret-consumers.ts';
import { secretTable, type SecretRecord } from './records/secret.ts';
import { mergeReads, noReads, type SecretReads } from './secret-tally.ts';

const readActions: ReadonlySet<string> = new Set(['GetSecretValue', 'BatchGetSecretValue']);
/** Secrets of which reads are held between two flushes. */
const maxSecrets = 10_000;
/** Secrets that are merged in one transaction. */
const batchSize = 50;

/** What is known about who reads a secret. */
export interface ObservedReads extends SecretReads {
  /** From when on all reads are known, milliseconds since the Unix epoch. */
  since: number;
  /** No read since then was lost, and no consumer had to go. */
  complete: boolean;
}

export interface SecretConsumersOptions extends Home {
  readonly store: Store;
  /** Secrets of which reads are held between two flushes; 10,000 unless given. */
  readonly maxSecrets?: number;
}

/**
 * Who reads which secret. Reads are counted in memory and merged into the store by {@link SecretConsumers.flush}, so that no
 * read costs a write; a process that is killed loses what it counted since.
 */
export class SecretConsumers {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #maxSecrets: number;
  #pending = new Map<string, SecretReads>();
  #lostTime: number | undefined;

  constructor(options: SecretConsumersOptions) {
    this.#store = options.store;
    this.#prefix = `${containerArn(options, 'secret')}/`;
    this.#maxSecrets = options.maxSecrets ?? maxSecrets;
  }

  /** Counts the event if values of secrets were given out. Secrets of a batch count, whether or not each had a value. */
  note(event: AuditEvent): void {
    const read = event.outcome === 'OK' && event.dryRun !== true && event.product === 'Kms';
    if (!read || !readActions.has(event.action)) return;
    const { time, principal, pod } = event;
    const consumer = { principal, ...(pod !== undefined && { pod: podOf(pod) }), firstTime: time, lastTime: time };
    const reads = { count: 1, lastTime: time, consumers: [{ ...consumer, count: 1 }], dropped: 0 };
    for (const resource of new Set(event.resources)) {
      if (resource.startsWith(this.#prefix)) this.#add(resource.slice(this.#prefix.length), reads);
    }
  }

  #add(name: string, reads: SecretReads): void {
    const before = this.#pending.get(name);
    if (before === undefined && this.#pending.size >= this.#maxSecrets) {
      this.#lostTime = Math.max(this.#lostTime ?? 0, reads.lastTime);
      return;
    }
    this.#pending.set(name, mergeReads(before ?? noReads, reads));
  }

  /** Makes durable when the observation began, unless it has begun before. */
  begin(now: number): Promise<void> {
    return this.#store.transact(async (transaction) => {
      if ((await secretObservationTable.get(transaction, observationKey)) !== undefined) return;
      await secretObservationTable.put(transaction, observationKey, { since: now });
    });
  }

  /** Merges what was counted into the store, beside what other replicas merge. What cannot be merged stays counted. */
  async flush(): Promise<void> {
    const taken = [...this.#pending];
    const lostTime = this.#lostTime;
    this.#pending = new Map();
    this.#lostTime = undefined;
    try {
      if (lostTime !== undefined) await this.#store.transact((transaction) => rememberLoss(transaction, lostTime));
      while (taken.length > 0) {
        const batch = taken.slice(0, batchSize);
        await this.#store.transact(async (transaction) => {
          for (const [name, reads] of batch) await mergeInto(transaction, name, reads);
        });
        taken.splice(0, batch.length);
      }
    } catch (error) {
      for (const [name, reads] of taken) this.#add(name, reads);
      if (lostTime !== undefined) this.#lostTime = Math.max(this.#lostTime ?? 0, lostTime);
      throw error;
    }
  }

  /** What is known, what this process has not flushed yet included. `now` is when an observation begins that has not yet. */
  async of(secret: SecretRecord, now: number): Promise<ObservedReads> {
    const observation = await secretObservationTable.get(this.#store, observationKey);
    const stored = await secretConsumersTable.get(this.#store, secret.name);
    const reads = mergeReads(readsOf(stored, secret), since(this.#pending.get(secret.name) ?? noReads, secret));
    const begin = Math.max(observation?.since ?? now, secret.createTime);
    const lostTime = Math.max(observation?.lostTime ?? 0, this.#lostTime ?? 0);
    return { ...reads, since: begin, complete: reads.dropped === 0 && lostTime < begin };
  }
}

function podOf({ namespace, serviceAccount, name }: NonNullable<AuditEvent['pod']>): {
  namespace: string;
  serviceAccount: string;
  name?: string;
} {
  return { namespace, serviceAccount, ...(name !== undefined && { name }) };
}

function readsOf(stored: SecretConsumersRecord | undefined, { secretId }: SecretRecord): SecretReads {
  return stored?.secretId === secretId ? stored : noReads;
}

/** Without reads of an earlier secret of the same name. */
function since(reads: SecretReads, { createTime }: SecretRecord): SecretReads {
  if (reads.consumers.every(({ firstTime }) => firstTime >= createTime)) return reads;
  const consumers = reads.consumers.filter(({ firstTime }) => firstTime >= createTime);
  const count = consumers.reduce((sum, consumer) => sum + consumer.count, 0);
  return { ...noReads, consumers, count, lastTime: Math.max(0, ...consumers.map(({ lastTime }) => lastTime)) };
}

/** Reads of a name that is no secret any more, or never was one, leave nothing. */
async function mergeInto(transaction: Transaction, name: string, reads: SecretReads): Promise<void> {
  const secret = await secretTable.get(transaction, name);
  if (secret === undefined) return;
  const own = since(reads, secret);
  if (own.count === 0) return;
  const { count, lastTime, consumers, dropped } = mergeReads(
    readsOf(await secretConsumersTable.get(transaction, name), secret),
    own,
  );
  const record = { secretId: secret.secretId, count, lastTime, consumers, dropped };
  await secretConsumersTable.put(transaction, name, record);
}

async function rememberLoss(transaction: Transaction, lostTime: number): Promise<void> {
  const before = await secretObservationTable.get(transaction, observationKey);
  const record = { since: before?.since ?? lostTime, lostTime: Math.max(before?.lostTime ?? 0, lostTime) };
  await secretObservationTable.put(transaction, observationKey, record);
}
