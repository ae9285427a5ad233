import { z } from 'zod';
import { ApiError } from '../lib/errors.ts';
import { parsePolicyDocument } from '../policy/document.ts';
import { readRecord, type Store, type Transaction, type ValueReader } from '../ports/store.ts';
import { scanBucket } from './bucket-scan.ts';
import { ramBuckets } from './buckets.ts';
import { checkRamName } from './names.ts';
import { encodeRecord, recordDecoder } from './record-codec.ts';

/** One text that a custom policy has or had. */
export interface PolicyVersion {
  /** `v1`, `v2`, …; never used again. */
  id: string;
  /** JSON text. */
  document: string;
  /** Milliseconds since the Unix epoch. */
  createTime: number;
}

/** A custom policy. */
export interface PolicyRecord {
  name: string;
  /** JSON text of the default version: the one in force. */
  document: string;
  description: string;
  /** Id of the version in force; `v1` when absent. */
  defaultVersion?: string;
  /** The newest id ever given to a version; `v1` when absent. */
  lastVersion?: string;
  /** Oldest first; the default version only when absent. */
  versions?: PolicyVersion[];
  /** Milliseconds since the Unix epoch. */
  createTime?: number;
  updateTime?: number;
}

const policySchema: z.ZodType<PolicyRecord> = z.object({
  name: z.string(),
  document: z.string(),
  description: z.string(),
  defaultVersion: z.string().exactOptional(),
  lastVersion: z.string().exactOptional(),
  versions: z.array(z.object({ id: z.string(), document: z.string(), createTime: z.number() })).exactOptional(),
  createTime: z.number().exactOptional(),
  updateTime: z.number().exactOptional(),
});

const decodePolicy = recordDecoder(policySchema);

/** Writes a custom policy. @throws ApiError `InvalidParameter`, `InvalidPolicyDocument`. */
export async function putPolicy(store: Store, policy: PolicyRecord): Promise<void> {
  checkRamName('policy', policy.name);
  parsePolicyDocument(policy.document, 'identity');
  await store.transact((transaction) => writePolicy(transaction, policy));
}

/** Writes a custom policy, over one of the same name. */
export async function writePolicy(transaction: Transaction, policy: PolicyRecord): Promise<void> {
  await transaction.put(ramBuckets.policies, policy.name, encodeRecord(policy));
}

/** The custom policy of that name, matched exactly. */
export async function findPolicy(store: ValueReader, name: string): Promise<PolicyRecord | undefined> {
  return readRecord(store, ramBuckets.policies, name, decodePolicy);
}

/** The same. @throws ApiError `EntityNotExist.Policy`. */
export async function loadPolicy(reader: ValueReader, name: string): Promise<PolicyRecord> {
  const policy = await findPolicy(reader, name);
  if (policy !== undefined) return policy;
  throw new ApiError('EntityNotExist.Policy', `There is no policy ${name}. ListPolicies shows those that exist.`);
}

/** Every custom policy, in the order of names. */
export async function allPolicies(reader: Pick<Store, 'scan'>): Promise<readonly PolicyRecord[]> {
  return (await scanBucket(reader, ramBuckets.policies)).map((entry) => decodePolicy(entry.value));
}

/** The versions of a policy, oldest first. Never empty. */
export function versionsOf({ versions, document, createTime }: PolicyRecord): readonly PolicyVersion[] {
  return versions ?? [{ id: 'v1', document, createTime: createTime ?? 0 }];
}

/** Id of the version in force. */
export function defaultVersionOf({ defaultVersion }: PolicyRecord): string {
  return defaultVersion ?? 'v1';
}
