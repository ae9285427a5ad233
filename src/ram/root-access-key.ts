import { timingSafeEqual } from 'node:crypto';
import { ApiError } from '../lib/errors.ts';
import type { SecretBytes } from '../lib/secret-bytes.ts';
import type { Store } from '../ports/store.ts';
import { findAccessKey, newAccessKey, putAccessKey, type AccessKey } from './access-keys.ts';
import { ramBuckets } from './buckets.ts';

/** How the account's own access key comes about at the first start. */
export interface RootAccessKeyOptions {
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  readonly random: (bytes: number) => Buffer;
  /** Given by the operator of the service, in a file; made up otherwise. Both or neither. */
  readonly given?: { readonly accessKeyId: string; readonly secret: SecretBytes };
}

const MARK = 'root-access-key';

/**
 * Makes the account's first access key, once. Later calls change nothing, also when the key was deleted since, unless a key
 * is given: that one is stored, and its secret replaced when it differs.
 *
 * @throws ApiError `InvalidParameter` when the given id is a RAM user's.
 * @returns the key when this call stored it, to be shown or written to a file; else `undefined`.
 */
export async function ensureRootAccessKey(store: Store, options: RootAccessKeyOptions): Promise<AccessKey | undefined> {
  const { now, random, given } = options;
  const key = newAccessKey({ owner: { kind: 'Account' }, now, random, ...given });
  return store.transact(async (transaction) => {
    const present = given === undefined ? undefined : await findAccessKey(transaction, given.accessKeyId);
    if (present !== undefined && present.owner.kind !== 'Account') {
      throw new ApiError(
        'InvalidParameter',
        'The given access key id belongs to a RAM user. Give the account another one.',
      );
    }
    const marked = (await transaction.get(ramBuckets.account, MARK)) !== undefined;
    const done = given === undefined ? marked : present !== undefined && sameKey(present, key);
    if (done) return undefined;
    await putAccessKey(transaction, key, now);
    await transaction.put(ramBuckets.account, MARK, Buffer.from(key.accessKeyId));
    return key;
  });
}

function sameKey(one: AccessKey, other: AccessKey): boolean {
  return one.secret.length === other.secret.length && timingSafeEqual(one.secret.reveal(), other.secret.reveal());
}
