import { z } from 'zod';
import { parsePolicyDocument } from '../policy/document.ts';
import type { Store } from '../ports/store.ts';
import { ramBuckets } from './buckets.ts';
import { checkRamName } from './names.ts';
import { decodeRecord, encodeRecord } from './record-codec.ts';

/** A custom policy. */
export interface PolicyRecord {
  name: string;
  /** JSON text. */
  document: string;
  description: string;
}

const policySchema: z.ZodType<PolicyRecord> = z.object({
  name: z.string(),
  document: z.string(),
  description: z.string(),
});

/** Writes a custom policy. @throws ApiError `InvalidParameter`, `InvalidPolicyDocument`. */
export async function putPolicy(store: Store, policy: PolicyRecord): Promise<void> {
  checkRamName('policy', policy.name);
  parsePolicyDocument(policy.document, 'identity');
  await store.transact((transaction) => transaction.put(ramBuckets.policies, policy.name, encodeRecord(policy)));
}

export async function findPolicy(store: Pick<Store, 'get'>, name: string): Promise<PolicyRecord | undefined> {
  const stored = await store.get(ramBuckets.policies, name);
  return stored === undefined ? undefined : decodeRecord(policySchema, stored);
}
