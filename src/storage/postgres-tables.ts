import type { ClientBase, Pool } from 'pg';
import type { StoreChange, StoredEntry, StoredValue } from '../ports/store.ts';
import type { BufferedTransaction, RangeRead, ScanRange } from './buffered-transaction.ts';
import { compareUtf8, prefixEnd } from './key-order.ts';
import type { MadeWrite } from './pending-commit.ts';

/** Changes that stay for other replicas to read; one that sleeps through more learns of what is there now. */
const keptChanges = 100_000;
/** Old changes are dropped once per that many. */
const trimEvery = 1000;

/** Channel on which a commit says how far the revisions have got. */
export const changeChannel = 'kaap_changes';

type Queryable = Pick<ClientBase | Pool, 'query'>;

interface EntryRow {
  key: string;
  value: Buffer;
  revision: string;
}

/** Reads one value. */
export async function selectEntry(client: Queryable, bucket: string, key: string): Promise<StoredValue | undefined> {
  const { rows } = await client.query<EntryRow>({
    name: 'get',
    text: 'SELECT value, revision FROM entries WHERE bucket = $1 AND key = $2',
    values: [bucket, key],
  });
  const [row] = rows;
  return row && { value: row.value, revision: Number(row.revision) };
}

/** Reads a page of a bucket in the order of the keys' UTF-8 bytes. */
export async function selectRange(client: Queryable, bucket: string, range: ScanRange): Promise<StoredEntry[]> {
  const { rows } = await client.query<EntryRow>(rangeQuery('key, value, revision', bucket, range));
  return rows.map(({ key, value, revision }) => ({ key, value, revision: Number(revision) }));
}

export async function selectKeys(client: Queryable, bucket: string, range: ScanRange): Promise<string[]> {
  const { rows } = await client.query<Pick<EntryRow, 'key'>>(rangeQuery('key', bucket, range));
  return rows.map(({ key }) => key);
}

function rangeQuery(columns: string, bucket: string, { prefix, after, limit }: ScanRange) {
  // Keys have no NUL, so that U+0001 appended makes the least key that is greater.
  const next = after === undefined ? prefix : `${after}\u0001`;
  const from = compareUtf8(next, prefix) > 0 ? next : prefix;
  const end = prefixEnd(prefix);
  const bounded = end === undefined ? '' : 'AND key < $4';
  return {
    name: `range ${columns} ${bounded}`,
    text: `SELECT ${columns} FROM entries WHERE bucket = $1 AND key >= $2 ${bounded} ORDER BY key LIMIT $3`,
    values: [bucket, from, limit, ...(end === undefined ? [] : [end])],
  };
}

/** Begins a transaction that keeps every other commit waiting; gives the last revision given out. */
export async function beginCommit(client: ClientBase): Promise<number> {
  await client.query('BEGIN');
  const { rows } = await client.query<{ value: string }>({
    name: 'lock',
    text: "SELECT value FROM counters WHERE name = 'revision' FOR UPDATE",
  });
  if (rows[0] === undefined) throw new Error('The database has lost its counter of revisions. Restore it.');
  return Number(rows[0].value);
}

/** Of transactions that read keys, the indexes of those for which one has changed. Call it between begin and commit. */
export async function changedReads(
  client: ClientBase,
  transactions: readonly BufferedTransaction[],
): Promise<Set<number>> {
  const reads = transactions.flatMap((transaction, index) =>
    [...transaction.reads.values()].map((read) => ({ ...read, index })),
  );
  if (reads.length === 0) return new Set();
  const { rows } = await client.query<{ owner: number }>({
    name: 'check',
    text: `SELECT DISTINCT asked.owner FROM unnest($1::text[], $2::text[], $3::bigint[], $4::int[])
             AS asked (bucket, key, revision, owner)
           LEFT JOIN entries ON entries.bucket = asked.bucket AND entries.key = asked.key
           WHERE coalesce(entries.revision, 0) <> asked.revision`,
    values: [
      reads.map(({ bucket }) => bucket),
      reads.map(({ key }) => key),
      reads.map(({ revision }) => revision),
      reads.map(({ index }) => index),
    ],
  });
  return new Set(rows.map(({ owner }) => owner));
}

/** Whether a range is as it was read. */
export async function rangeStands(client: ClientBase, { bucket, range, found }: RangeRead): Promise<boolean> {
  const { rows } = await client.query<{ revision: string }>(rangeQuery('revision', bucket, range));
  return rows.length === found.length && rows.every((row, index) => Number(row.revision) === found[index]?.revision);
}

/** Stores and deletes what a batch wrote, in the order of its revisions, and tells the listeners at commit. */
export async function applyWrites(client: ClientBase, writes: readonly MadeWrite[]): Promise<void> {
  // Of several writes of one key the last counts, for the table of values; the feed tells them all.
  const last = new Map(writes.map((write) => [`${write.change.bucket}\0${write.change.key}`, write]));
  const puts = [...last.values()].filter(({ value }) => value !== undefined);
  const deletes = [...last.values()].filter(({ value }) => value === undefined);
  const revision = writes.at(-1)?.change.revision ?? 0;
  await client.query({
    name: 'apply',
    text: `WITH stored AS (
             INSERT INTO entries SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[])
             ON CONFLICT (bucket, key) DO UPDATE SET revision = excluded.revision, value = excluded.value
           ), removed AS (
             DELETE FROM entries USING unnest($5::text[], $6::text[]) AS gone (bucket, key)
             WHERE entries.bucket = gone.bucket AND entries.key = gone.key
           ), told AS (
             INSERT INTO changes SELECT * FROM unnest($7::bigint[], $8::text[], $9::text[], $10::boolean[])
           ), counted AS (
             UPDATE counters SET value = $11 WHERE name = 'revision'
           ) SELECT pg_notify('${changeChannel}', $11::text)`,
    values: [
      puts.map(({ change }) => change.bucket),
      puts.map(({ change }) => change.key),
      puts.map(({ change }) => change.revision),
      puts.map(({ value }) => Buffer.from(value ?? [])),
      deletes.map(({ change }) => change.bucket),
      deletes.map(({ change }) => change.key),
      writes.map(({ change }) => change.revision),
      writes.map(({ change }) => change.bucket),
      writes.map(({ change }) => change.key),
      writes.map(({ change }) => change.deleted),
      revision,
    ],
  });
  if (writes.some(({ change }) => change.revision % trimEvery === 0)) {
    await client.query('DELETE FROM changes WHERE revision <= $1', [revision - keptChanges]);
  }
}

interface ChangeRow {
  revision: string;
  bucket: string;
  key: string;
  deleted: boolean;
}

/** The last revision given out. */
export async function selectRevision(client: Queryable): Promise<number> {
  // By its name it is planned once: half the processor time of the database for a look.
  const { rows } = await client.query<{ value: string }>({
    name: 'revision',
    text: "SELECT value FROM counters WHERE name = 'revision'",
  });
  return Number(rows[0]?.value ?? 0);
}

/** Changes in order, and whether they are all there were. */
export interface ToldChanges {
  readonly changes: readonly StoreChange[];
  readonly complete: boolean;
}

/**
 * The changes after a revision, in order. When some of them are kept no more, the values that have been written since
 * stand in for them: of deletes among those nothing is left to tell.
 */
export async function selectChanges(client: Queryable, after: number): Promise<ToldChanges> {
  const { rows } = await client.query<ChangeRow>({
    name: 'changes',
    text: 'SELECT revision, bucket, key, deleted FROM changes WHERE revision > $1 ORDER BY revision',
    values: [after],
  });
  const changes = rows.map((row) => ({ ...row, revision: Number(row.revision) }));
  const first = changes[0]?.revision;
  if (first === after + 1) return { changes, complete: true };
  const missed = await client.query<ChangeRow>(
    `SELECT revision, bucket, key, false AS deleted FROM entries
     WHERE revision > $1 AND revision < $2 ORDER BY revision`,
    [after, first ?? Number.MAX_SAFE_INTEGER],
  );
  return {
    changes: [...missed.rows.map((row) => ({ ...row, revision: Number(row.revision) })), ...changes],
    complete: false,
  };
}
