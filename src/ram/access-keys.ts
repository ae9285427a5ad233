import { z } from 'zod';
import { ApiError } from '../lib/errors.ts';
import { SecretBytes } from '../lib/secret-bytes.ts';
import { credentialUseBucket } from '../ports/credential-uses.ts';
import { readRecord, type Store, type Transaction, type ValueReader } from '../ports/store.ts';
import { scanBucket } from './bucket-scan.ts';
import { ramBuckets } from './buckets.ts';
import { encodeRecord, recordDecoder } from './record-codec.ts';

/** Whom an access key belongs to. */
export type AccessKeyOwner = { kind: 'Account' } | { kind: 'RamUser'; userName: string };

/** An access key as the store holds it. The secret stays readable: HMAC signatures are verified with it. */
interface AccessKeyRecord {
  secret: string;
  principal: AccessKeyOwner;
  active: boolean;
  /** Milliseconds since the Unix epoch. */
  createTime: number;
}

const accessKeySchema: z.ZodType<AccessKeyRecord> = z.object({
  secret: z.string(),
  principal: z.union([
    z.object({ kind: z.literal('Account') }),
    z.object({ kind: z.literal('RamUser'), userName: z.string() }),
  ]),
  active: z.boolean(),
  createTime: z.number(),
});

const decodeAccessKey = recordDecoder(accessKeySchema);

/** The record as it is used to verify signatures: nothing is left to be made of it. */
const decodeUsable = (value: Uint8Array): Pick<AccessKey, 'secret' | 'owner' | 'active'> => {
  const { secret, principal, active } = decodeAccessKey(value);
  return { secret: SecretBytes.fromUtf8(secret), owner: principal, active };
};

const decodeTombstone = recordDecoder(z.object({ deleteTime: z.number() }));

/** An access key. */
export interface AccessKey {
  readonly accessKeyId: string;
  readonly secret: SecretBytes;
  readonly owner: AccessKeyOwner;
  readonly active: boolean;
}

/** An access key without its secret, as lists show it. */
export interface AccessKeyEntry {
  readonly accessKeyId: string;
  readonly owner: AccessKeyOwner;
  readonly active: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly createTime: number;
}

/** What is needed to make an access key. */
export interface NewAccessKey {
  readonly owner: AccessKeyOwner;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  readonly random: (bytes: number) => Buffer;
  /** Made up unless given; 16 to 128 letters and digits. */
  readonly accessKeyId?: string;
  /** Made up unless given; at least 16 characters. */
  readonly secret?: SecretBytes;
}

/** RAM's quota for a user. Two, so that one can be replaced without an interruption. */
export const maxAccessKeys = 2;

const ACCESS_KEY_ID = /^[A-Za-z0-9]{16,128}$/;
const MIN_SECRET_BYTES = 16;

/**
 * Stores a new access key. This is the only time that its secret is shown.
 *
 * @throws ApiError `InvalidParameter` when the given id is taken, or the given id or secret is too weak.
 */
export async function createAccessKey(store: Store, input: NewAccessKey): Promise<AccessKey> {
  const key = newAccessKey(input);
  await store.transact(async (transaction) => {
    if ((await transaction.get(ramBuckets.accessKeys, key.accessKeyId)) !== undefined) {
      throw new ApiError('InvalidParameter', 'There is an access key of that id already. Choose another id.');
    }
    await putAccessKey(transaction, key, input.now);
  });
  return key;
}

/** An access key that is not stored yet. @throws ApiError `InvalidParameter`. */
export function newAccessKey({ owner, random, accessKeyId, secret }: NewAccessKey): AccessKey {
  const key: AccessKey = {
    accessKeyId: accessKeyId ?? `KAK${random(12).toString('hex').toUpperCase()}`,
    secret: secret ?? SecretBytes.fromUtf8(random(32).toString('base64url')),
    owner,
    active: true,
  };
  if (!ACCESS_KEY_ID.test(key.accessKeyId)) {
    throw new ApiError('InvalidParameter', 'An access key id has 16 to 128 letters and digits.');
  }
  if (key.secret.length < MIN_SECRET_BYTES) {
    throw new ApiError('InvalidParameter', `An access key secret has at least ${MIN_SECRET_BYTES} characters.`);
  }
  return key;
}

/**
 * Writes an access key, over one of the same id. `createTime` in milliseconds since the Unix epoch.
 *
 * @throws ApiError `InvalidParameter` for the id of a key that was deleted.
 */
export async function putAccessKey(transaction: Transaction, key: AccessKey, createTime: number): Promise<void> {
  if (await isDeleted(transaction, key.accessKeyId)) {
    throw new ApiError('InvalidParameter', 'An access key of that id was deleted, for good. Choose another id.');
  }
  const record: AccessKeyRecord = {
    secret: key.secret.reveal().toString('utf8'),
    principal: key.owner,
    active: key.active,
    createTime,
  };
  await transaction.put(ramBuckets.accessKeys, key.accessKeyId, encodeRecord(record));
}

/** The access key of that id, active or not; `undefined` when there is none. */
export async function findAccessKey(store: ValueReader, accessKeyId: string): Promise<AccessKey | undefined> {
  if (!ACCESS_KEY_ID.test(accessKeyId)) return undefined;
  const record = await readRecord(store, ramBuckets.accessKeys, accessKeyId, decodeUsable);
  if (record === undefined || (await isDeleted(store, accessKeyId))) return undefined;
  return { accessKeyId, ...record };
}

/**
 * The access key as it was found last, from memory alone; `undefined` when it is not there. It may have been changed or
 * deleted since. While it is the present one, {@link findAccessKey} finds it with the same `secret`, the same object.
 */
export function recallAccessKey(store: ValueReader, accessKeyId: string): AccessKey | undefined {
  const record = store.recall?.(ramBuckets.accessKeys, accessKeyId, decodeUsable);
  return record && { accessKeyId, ...record };
}

/** Switches an access key on or off. `false` when there is none of that id. */
export async function setAccessKeyActive(store: Store, accessKeyId: string, active: boolean): Promise<boolean> {
  return store.transact((transaction) => switchAccessKey(transaction, accessKeyId, active));
}

/** The same in a transaction. */
export async function switchAccessKey(
  transaction: Transaction,
  accessKeyId: string,
  active: boolean,
): Promise<boolean> {
  const record = await readRecord(transaction, ramBuckets.accessKeys, accessKeyId, decodeAccessKey);
  if (record === undefined) return false;
  await transaction.put(ramBuckets.accessKeys, accessKeyId, encodeRecord({ ...record, active }));
  return true;
}

/** Deletes an access key for good; requests that it signs are refused from then on. `now`: milliseconds since the epoch. */
export async function deleteAccessKey(store: Store, accessKeyId: string, now: number): Promise<void> {
  await store.transact((transaction) => removeAccessKey(transaction, accessKeyId, now));
}

/**
 * The same in a transaction. A tombstone stays, which wins over a record that comes back in whatever way.
 */
export async function removeAccessKey(transaction: Transaction, accessKeyId: string, now: number): Promise<void> {
  await transaction.delete(ramBuckets.accessKeys, accessKeyId);
  await transaction.delete(credentialUseBucket, accessKeyId);
  await transaction.put(ramBuckets.tombstones, tombstoneKey(accessKeyId), encodeRecord({ deleteTime: now }));
}

/** The access keys of an owner, in the order of ids. */
export async function listAccessKeys(
  reader: Pick<Store, 'scan' | 'get'>,
  owner: AccessKeyOwner,
): Promise<readonly AccessKeyEntry[]> {
  const entries: AccessKeyEntry[] = [];
  for (const stored of await scanBucket(reader, ramBuckets.accessKeys)) {
    const { principal, active, createTime } = decodeAccessKey(stored.value);
    if (!isSameOwner(principal, owner) || (await isDeleted(reader, stored.key))) continue;
    entries.push({ accessKeyId: stored.key, owner, active, createTime });
  }
  return entries;
}

function isSameOwner(one: AccessKeyOwner, other: AccessKeyOwner): boolean {
  if (one.kind === 'Account') return other.kind === 'Account';
  return other.kind === 'RamUser' && one.userName === other.userName;
}

function tombstoneKey(accessKeyId: string): string {
  return `access-key/${accessKeyId}`;
}

async function isDeleted(reader: ValueReader, accessKeyId: string): Promise<boolean> {
  const tombstone = tombstoneKey(accessKeyId);
  return (await readRecord(reader, ramBuckets.tombstones, tombstone, decodeTombstone)) !== undefined;
}
