import type { Store, StoredEntry } from '../ports/store.ts';

const PAGE_ENTRIES = 1000;

/** Every entry of a bucket, in the order of keys. For buckets of users, roles and the like: thousands, not millions. */
export async function scanBucket(reader: Pick<Store, 'scan'>, bucket: string): Promise<readonly StoredEntry[]> {
  const entries: StoredEntry[] = [];
  for (;;) {
    const last = entries.at(-1)?.key;
    const page = await reader.scan(bucket, { limit: PAGE_ENTRIES, ...(last === undefined ? {} : { after: last }) });
    entries.push(...page);
    if (page.length < PAGE_ENTRIES) return entries;
  }
}
