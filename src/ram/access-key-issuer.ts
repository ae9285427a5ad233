import { timingSafeEqual } from 'node:crypto';
import { ApiError } from '../lib/errors.ts';
import { SecretBytes } from '../lib/secret-bytes.ts';
import type { Clock } from '../lib/clock.ts';
import type { AccessKeyIssuer } from '../ports/access-key-issuer.ts';
import {
  findAccessKey,
  listAccessKeys,
  maxAccessKeys,
  newAccessKey,
  putAccessKey,
  removeAccessKey,
} from './access-keys.ts';
import { loadUser } from './users.ts';

/** RAM as issuer of the access keys that secrets rotate. */
export function createAccessKeyIssuer(clock: Clock, random: (bytes: number) => Buffer): AccessKeyIssuer {
  return {
    owns: async (reader, userName, { accessKeyId, secret }) => {
      const key = await findAccessKey(reader, accessKeyId);
      if (key?.owner.kind !== 'RamUser' || key.owner.userName !== userName) return false;
      const [given, stored] = [Buffer.from(secret, 'utf8'), key.secret.reveal()];
      return given.length === stored.length && timingSafeEqual(given, stored);
    },
    draft: (userName) => {
      const { accessKeyId, secret } = newAccessKey({ owner: { kind: 'RamUser', userName }, now: clock.now(), random });
      return { accessKeyId, secret: secret.reveal().toString('utf8') };
    },
    replace: async (transaction, userName, { accessKeyId, secret }, replaced) => {
      await loadUser(transaction, userName);
      const owner = { kind: 'RamUser', userName } as const;
      const now = clock.now();
      const keys = await listAccessKeys(transaction, owner);
      const gone = keys.filter((key) => replaced.includes(key.accessKeyId));
      if (keys.length - gone.length >= maxAccessKeys) {
        const message = `RAM user ${userName} has ${maxAccessKeys} access keys already. Delete the one that this secret does not hold.`;
        throw new ApiError('Rejected.LimitExceeded', message);
      }
      for (const key of gone) await removeAccessKey(transaction, key.accessKeyId, now);
      await putAccessKey(transaction, { accessKeyId, secret: SecretBytes.fromUtf8(secret), owner, active: true }, now);
    },
  };
}
