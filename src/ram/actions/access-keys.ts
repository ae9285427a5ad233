import { z } from 'zod';
import { ApiError } from '../../lib/errors.ts';
import type { Principal } from '../../policy/principal.ts';
import type { AnyAction } from '../../ports/action.ts';
import type { Store } from '../../ports/store.ts';
import {
  findAccessKey,
  listAccessKeys,
  maxAccessKeys,
  newAccessKey,
  putAccessKey,
  removeAccessKey,
  switchAccessKey,
  type AccessKeyOwner,
} from '../access-keys.ts';
import { optional, ramTime, text, userName } from '../parameters.ts';
import type { RamDependencies } from '../ram-dependencies.ts';
import { loadUser } from '../users.ts';
import { ramAction } from './ram-action.ts';

const owned = { UserName: optional(userName) };
const ofOneKey = { ...owned, UserAccessKeyId: text(128) };

/** Whose keys are meant: the user's that is named, else the caller's own (RAM CreateAccessKey → UserName). */
function ownerOf({ UserName }: { UserName?: string | undefined }, caller: Principal): AccessKeyOwner {
  if (UserName !== undefined) return { kind: 'RamUser', userName: UserName };
  if (caller.kind === 'Account') return { kind: 'Account' };
  if (caller.kind === 'RamUser') return { kind: 'RamUser', userName: caller.userName };
  throw new ApiError('MissingParameter', 'Give UserName: only the account and users have access keys of their own.');
}

function resourceOf(input: { UserName?: string | undefined }, caller: Principal): string[] {
  const owner = ownerOf(input, caller);
  return [owner.kind === 'Account' ? 'root' : `user/${owner.userName}`];
}

async function checkOwner(reader: Pick<Store, 'get'>, owner: AccessKeyOwner): Promise<void> {
  if (owner.kind === 'RamUser') await loadUser(reader, owner.userName);
}

/** Refuses an access key that is not the owner's. */
async function checkOwned(reader: Pick<Store, 'get'>, owner: AccessKeyOwner, accessKeyId: string): Promise<void> {
  await checkOwner(reader, owner);
  const found = (await findAccessKey(reader, accessKeyId))?.owner;
  const isTheirs =
    found !== undefined &&
    (found.kind === 'Account'
      ? owner.kind === 'Account'
      : owner.kind === 'RamUser' && owner.userName === found.userName);
  if (isTheirs) return;
  throw new ApiError('EntityNotExist.User.AccessKey', 'There is no such access key there. See ListAccessKeys.');
}

function createAccessKey(dependencies: RamDependencies): AnyAction {
  const { store, clock, random } = dependencies;
  return ramAction(dependencies, {
    name: 'CreateAccessKey',
    input: z.object(owned),
    resources: resourceOf,
    run: async (input, caller) => {
      const owner = ownerOf(input, caller);
      const now = clock.now();
      const key = newAccessKey({ owner, now, random });
      await store.transact(async (transaction) => {
        await checkOwner(transaction, owner);
        if ((await listAccessKeys(transaction, owner)).length >= maxAccessKeys) {
          throw new ApiError(
            'LimitExceeded.User.AccessKey',
            `There are ${maxAccessKeys} access keys already. Delete one.`,
          );
        }
        await putAccessKey(transaction, key, now);
      });
      const AccessKeySecret = key.secret.reveal().toString('utf8');
      const fields = { AccessKeyId: key.accessKeyId, AccessKeySecret, Status: 'Active', CreateDate: ramTime(now) };
      return { AccessKey: fields };
    },
  });
}

function updateAccessKey(dependencies: RamDependencies): AnyAction {
  const status = z.enum(['Active', 'Inactive'], { error: 'It must be Active or Inactive.' });
  return ramAction(dependencies, {
    name: 'UpdateAccessKey',
    input: z.object({ ...ofOneKey, Status: status }),
    resources: resourceOf,
    run: (input, caller) =>
      dependencies.store.transact(async (transaction) => {
        await checkOwned(transaction, ownerOf(input, caller), input.UserAccessKeyId);
        await switchAccessKey(transaction, input.UserAccessKeyId, input.Status === 'Active');
        return {};
      }),
  });
}

function deleteAccessKey(dependencies: RamDependencies): AnyAction {
  const { store, clock } = dependencies;
  return ramAction(dependencies, {
    name: 'DeleteAccessKey',
    input: z.object(ofOneKey),
    resources: resourceOf,
    run: (input, caller) =>
      store.transact(async (transaction) => {
        await checkOwned(transaction, ownerOf(input, caller), input.UserAccessKeyId);
        await removeAccessKey(transaction, input.UserAccessKeyId, clock.now());
        return {};
      }),
  });
}

function listAccessKeysOf(dependencies: RamDependencies): AnyAction {
  const { store } = dependencies;
  return ramAction(dependencies, {
    name: 'ListAccessKeys',
    input: z.object(owned),
    resources: resourceOf,
    run: async (input, caller) => {
      const owner = ownerOf(input, caller);
      if (owner.kind === 'RamUser') await loadUser(store, owner.userName);
      const keys = (await listAccessKeys(store, owner)).map(({ accessKeyId, active, createTime }) => ({
        AccessKeyId: accessKeyId,
        Status: active ? 'Active' : 'Inactive',
        CreateDate: ramTime(createTime),
      }));
      return { AccessKeys: { AccessKey: keys } };
    },
  });
}

/** Kaap's answer for a key of which no use is known; RAM documents no form for it. */
const neverUsed = 'N/A';

function getAccessKeyLastUsed(dependencies: RamDependencies): AnyAction {
  const { store, credentialUses } = dependencies;
  return ramAction(dependencies, {
    name: 'GetAccessKeyLastUsed',
    input: z.object(ofOneKey),
    resources: resourceOf,
    run: async (input, caller) => {
      await checkOwned(store, ownerOf(input, caller), input.UserAccessKeyId);
      const lastUse = await credentialUses.lastUse(input.UserAccessKeyId);
      return { AccessKeyLastUsed: { LastUsedDate: lastUse === undefined ? neverUsed : ramTime(lastUse) } };
    },
  });
}

/** RAM CreateAccessKey (the only time that a secret is shown), UpdateAccessKey, DeleteAccessKey, ListAccessKeys, GetAccessKeyLastUsed. */
export function accessKeyActions(dependencies: RamDependencies): readonly AnyAction[] {
  return [createAccessKey, updateAccessKey, deleteAccessKey, listAccessKeysOf, getAccessKeyLastUsed].map((make) =>
    make(dependencies),
  );
}
