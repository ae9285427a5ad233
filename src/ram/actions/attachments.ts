import { z } from 'zod';
import { ApiError, type ErrorCode } from '../../lib/errors.ts';
import type { AnyAction } from '../../ports/action.ts';
import type { Store, Transaction } from '../../ports/store.ts';
import { loadAnyPolicy, policyFields } from '../any-policy.ts';
import { isSamePolicy } from '../attachments.ts';
import type { PolicyAttachment } from '../names.ts';
import { policyName, policyType, ramTime, roleName, userName } from '../parameters.ts';
import type { RamDependencies } from '../ram-dependencies.ts';
import { loadRole, writeRole } from '../roles.ts';
import { loadUser, writeUser } from '../users.ts';
import { ramAction } from './ram-action.ts';

/** RAM's quota of attachments, of each type of policy. */
const MAX_ATTACHMENTS = 20;

interface Holder {
  name: string;
  policies: PolicyAttachment[];
}

interface Attaching {
  holder: string;
  type: 'System' | 'Custom';
  name: string;
}

/** What policies are attached to. */
interface HolderKind<Record extends Holder> {
  readonly word: 'User' | 'Role';
  /** As ARNs spell it. */
  readonly type: 'user' | 'role';
  readonly input: z.ZodType<string>;
  readonly attaching: z.ZodType<Attaching>;
  readonly faults: Readonly<{ [Fault in 'present' | 'absent' | 'limit']: ErrorCode }>;
  load(reader: Pick<Store, 'get'>, name: string): Promise<Record>;
  write(transaction: Transaction, holder: Record): Promise<void>;
}

const onePolicy = { PolicyType: policyType, PolicyName: policyName };

const users: HolderKind<Awaited<ReturnType<typeof loadUser>>> = {
  word: 'User',
  type: 'user',
  input: z.object({ UserName: userName }).transform(({ UserName }) => UserName),
  attaching: z
    .object({ ...onePolicy, UserName: userName })
    .transform(({ UserName, PolicyType, PolicyName }) => ({ holder: UserName, type: PolicyType, name: PolicyName })),
  faults: {
    present: 'EntityAlreadyExists.User.Policy',
    absent: 'EntityNotExist.User.Policy',
    limit: 'LimitExceeded.User.Policy',
  },
  load: loadUser,
  write: writeUser,
};

const roles: HolderKind<Awaited<ReturnType<typeof loadRole>>> = {
  word: 'Role',
  type: 'role',
  input: z.object({ RoleName: roleName }).transform(({ RoleName }) => RoleName),
  attaching: z
    .object({ ...onePolicy, RoleName: roleName })
    .transform(({ RoleName, PolicyType, PolicyName }) => ({ holder: RoleName, type: PolicyType, name: PolicyName })),
  faults: {
    present: 'EntityAlreadyExists.Role.Policy',
    absent: 'EntityNotExist.Role.Policy',
    limit: 'LimitExceeded.Role.Policy',
  },
  load: loadRole,
  write: writeRole,
};

function attachPolicy<T extends Holder>(dependencies: RamDependencies, kind: HolderKind<T>): AnyAction {
  const { store, clock } = dependencies;
  return ramAction(dependencies, {
    name: `AttachPolicyTo${kind.word}`,
    input: kind.attaching,
    resources: ({ holder, name }) => [`${kind.type}/${holder}`, `policy/${name}`],
    run: ({ holder: holderName, type, name }) =>
      store.transact(async (transaction) => {
        const holder = await kind.load(transaction, holderName);
        await loadAnyPolicy(transaction, type, name);
        if (holder.policies.some((attachment) => isSamePolicy(attachment, { type, name }))) {
          throw new ApiError(kind.faults.present, `${name} is attached to ${holderName} already.`);
        }
        if (holder.policies.filter((attachment) => attachment.type === type).length >= MAX_ATTACHMENTS) {
          throw new ApiError(kind.faults.limit, `${holderName} has ${MAX_ATTACHMENTS} policies already. Detach one.`);
        }
        holder.policies.push({ name, type, attachTime: clock.now() });
        await kind.write(transaction, holder);
        return {};
      }),
  });
}

function detachPolicy<T extends Holder>(dependencies: RamDependencies, kind: HolderKind<T>): AnyAction {
  return ramAction(dependencies, {
    name: `DetachPolicyFrom${kind.word}`,
    input: kind.attaching,
    resources: ({ holder, name }) => [`${kind.type}/${holder}`, `policy/${name}`],
    run: ({ holder: holderName, type, name }) =>
      dependencies.store.transact(async (transaction) => {
        const holder = await kind.load(transaction, holderName);
        const rest = holder.policies.filter((attachment) => !isSamePolicy(attachment, { type, name }));
        if (rest.length === holder.policies.length) {
          throw new ApiError(kind.faults.absent, `${name} is not attached to ${holderName}.`);
        }
        holder.policies = rest;
        await kind.write(transaction, holder);
        return {};
      }),
  });
}

function listPoliciesFor<T extends Holder>(dependencies: RamDependencies, kind: HolderKind<T>): AnyAction {
  const { store } = dependencies;
  return ramAction(dependencies, {
    name: `ListPoliciesFor${kind.word}`,
    input: kind.input,
    resources: (name) => [`${kind.type}/${name}`],
    run: async (holderName) => {
      const holder = await kind.load(store, holderName);
      const policies = holder.policies.map(async ({ type, name, attachTime }) => {
        const AttachDate = ramTime(attachTime);
        // A policy that is attached and gone is shown too: it denies everything.
        const policy = await loadAnyPolicy(store, type, name).catch(() => undefined);
        return policy === undefined
          ? { PolicyName: name, PolicyType: type, AttachDate }
          : { ...policyFields(policy), AttachDate };
      });
      return { Policies: { Policy: await Promise.all(policies) } };
    },
  });
}

function actionsOf<T extends Holder>(dependencies: RamDependencies, kind: HolderKind<T>): AnyAction[] {
  return [attachPolicy, detachPolicy, listPoliciesFor].map((make) => make(dependencies, kind));
}

/** RAM AttachPolicyToUser/Role, DetachPolicyFromUser/Role, ListPoliciesForUser/Role. Effective with the next request. */
export function attachmentActions(dependencies: RamDependencies): readonly AnyAction[] {
  return [...actionsOf(dependencies, users), ...actionsOf(dependencies, roles)];
}
