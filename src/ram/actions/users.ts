import { z } from 'zod';
import { ApiError } from '../../lib/errors.ts';
import type { AnyAction } from '../../ports/action.ts';
import { listAccessKeys } from '../access-keys.ts';
import { ramBuckets } from '../buckets.ts';
import { optional, pageOf, pageParameters, ramTime, text, userName } from '../parameters.ts';
import type { RamDependencies } from '../ram-dependencies.ts';
import { allUsers, findUser, loadUser, writeUser, type UserRecord } from '../users.ts';
import { ramAction } from './ram-action.ts';

const details = {
  DisplayName: optional(text(128)),
  MobilePhone: optional(text(32)),
  Email: optional(text(128)),
  Comments: optional(text(128)),
};

const newDetails = {
  NewDisplayName: text(128).optional(),
  NewMobilePhone: text(32).optional(),
  NewEmail: text(128).optional(),
  NewComments: text(128).optional(),
};

/** A user as answers show it (RAM GetUser). */
function userFields(user: UserRecord): Record<string, unknown> {
  return {
    UserId: user.userId ?? user.name,
    UserName: user.name,
    DisplayName: user.displayName ?? '',
    MobilePhone: user.mobilePhone ?? '',
    Email: user.email ?? '',
    Comments: user.comments ?? '',
    CreateDate: ramTime(user.createTime),
    UpdateDate: ramTime(user.updateTime ?? user.createTime),
  };
}

function createUser(dependencies: RamDependencies): AnyAction {
  const { store, clock, random } = dependencies;
  return ramAction(dependencies, {
    name: 'CreateUser',
    input: z.object({ UserName: userName, ...details }),
    resources: ({ UserName }) => [`user/${UserName}`],
    run: async (input) => {
      const user: UserRecord = {
        name: input.UserName,
        policies: [],
        userId: random(10).toString('hex'),
        displayName: input.DisplayName ?? '',
        mobilePhone: input.MobilePhone ?? '',
        email: input.Email ?? '',
        comments: input.Comments ?? '',
        createTime: clock.now(),
      };
      await store.transact(async (transaction) => {
        if ((await findUser(transaction, user.name)) !== undefined) throw userExists(user.name);
        await writeUser(transaction, user);
      });
      return { User: userFields(user) };
    },
  });
}

function userExists(name: string): ApiError {
  return new ApiError('EntityAlreadyExists.User', `There is a user ${name} already. Choose another name.`);
}

function getUser(dependencies: RamDependencies): AnyAction {
  return ramAction(dependencies, {
    name: 'GetUser',
    input: z.object({ UserName: userName }),
    resources: ({ UserName }) => [`user/${UserName}`],
    run: async ({ UserName }) => ({ User: userFields(await loadUser(dependencies.store, UserName)) }),
  });
}

function updateUser(dependencies: RamDependencies): AnyAction {
  const { store, clock } = dependencies;
  return ramAction(dependencies, {
    name: 'UpdateUser',
    input: z.object({ UserName: userName, NewUserName: optional(userName), ...newDetails }),
    resources: ({ UserName }) => [`user/${UserName}`],
    run: async (input) => {
      if (input.NewUserName !== undefined && input.NewUserName !== input.UserName) {
        throw new ApiError('UnsupportedOperation', 'Users keep their names. Create another user and delete this one.');
      }
      return store.transact(async (transaction) => {
        const user = await loadUser(transaction, input.UserName);
        user.displayName = input.NewDisplayName ?? user.displayName ?? '';
        user.mobilePhone = input.NewMobilePhone ?? user.mobilePhone ?? '';
        user.email = input.NewEmail ?? user.email ?? '';
        user.comments = input.NewComments ?? user.comments ?? '';
        user.updateTime = clock.now();
        await writeUser(transaction, user);
        return { User: userFields(user) };
      });
    },
  });
}

function deleteUser(dependencies: RamDependencies): AnyAction {
  return ramAction(dependencies, {
    name: 'DeleteUser',
    input: z.object({ UserName: userName }),
    resources: ({ UserName }) => [`user/${UserName}`],
    run: ({ UserName }) =>
      dependencies.store.transact(async (transaction) => {
        const user = await loadUser(transaction, UserName);
        if (user.policies.length > 0) {
          throw new ApiError('DeleteConflict.User.Policy', `Policies are attached to ${UserName}. Detach them first.`);
        }
        const keys = await listAccessKeys(transaction, { kind: 'RamUser', userName: UserName });
        if (keys.length > 0) {
          throw new ApiError('DeleteConflict.User.AccessKey', `${UserName} has access keys. Delete them first.`);
        }
        await transaction.delete(ramBuckets.users, UserName);
        return {};
      }),
  });
}

function listUsers(dependencies: RamDependencies): AnyAction {
  return ramAction(dependencies, {
    name: 'ListUsers',
    input: z.object(pageParameters),
    resources: () => ['user'],
    run: async (page) => {
      const { items, fields } = pageOf(await allUsers(dependencies.store), (user) => user.name, page);
      return { ...fields, Users: { User: items.map(userFields) } };
    },
  });
}

/** RAM CreateUser, GetUser, UpdateUser, DeleteUser, ListUsers. */
export function userActions(dependencies: RamDependencies): readonly AnyAction[] {
  return [createUser, getUser, updateUser, deleteUser, listUsers].map((make) => make(dependencies));
}
