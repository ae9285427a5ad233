import { z } from 'zod';
import type { AnyAction } from '../../../ports/action.ts';
import type { Transaction } from '../../../ports/store.ts';
import { enteredBy } from '../../access-points.ts';
import { resourceArn } from '../../arn.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { description, oneOf, optional, textList, withDefault } from '../../parameters.ts';
import {
  accessPointRoleKey,
  accessPointRoleTable,
  accessPointTable,
  type AccessPointRecord,
} from '../../records/access-point.ts';
import { clientKeyTable } from '../../records/client-key.ts';
import type { ServiceAccountBinding } from '../../records/service-account-binding.ts';
import { bindingsOf, releaseUnlisted } from '../../service-account-bindings.ts';
import { isoSeconds } from '../../time-format.ts';
import { authenticationConfig, configOf } from './authentication-config.ts';
import { deleteClientKeyRecord } from './client-key-deletion.ts';
import { getNamed, namedAction, namedList, putNew, resourceName, type NamedResource } from './named-action.ts';
import { rbacPolicies } from './policies.ts';

/** Access points, as client keys refer to them. */
export const accessPoints: NamedResource<AccessPointRecord> = {
  type: 'applicationaccesspoint',
  noun: 'application access point',
  table: accessPointTable,
};

const policyNames = textList({ max: 64 }, 3, 'a JSON list of one to three policy names, such as ["shop"]').refine(
  (names) => names.length > 0,
  'It must be a JSON list of one to three policy names, such as ["shop"].',
);

function fields(accessPoint: AccessPointRecord): Record<string, unknown> {
  const { ramRole, clientKey, mode } = accessPoint;
  return {
    Arn: accessPoint.arn,
    AuthenticationConfig: JSON.stringify({ ramRole, clientKey, mode }),
    AuthenticationMethod: accessPoint.authenticationMethod,
    Description: accessPoint.description,
    Name: accessPoint.name,
    Policies: JSON.stringify(accessPoint.policies),
  };
}

async function assertPoliciesExist(transaction: Transaction, names: readonly string[]): Promise<void> {
  for (const name of names) await getNamed(transaction, rbacPolicies, name);
}

/** Keeps the index of role names in step with the access point: `before` and `after` are absent when it is. */
async function indexRole(
  transaction: Transaction,
  name: string,
  before: AccessPointRecord | undefined,
  after: AccessPointRecord | undefined,
): Promise<void> {
  const old = before === undefined ? undefined : enteredBy(before)?.roleName;
  const now = after === undefined ? undefined : enteredBy(after)?.roleName;
  if (old !== undefined && old !== now) await accessPointRoleTable.delete(transaction, accessPointRoleKey(old, name));
  if (now !== undefined && old !== now) {
    await accessPointRoleTable.put(transaction, accessPointRoleKey(now, name), { accessPoint: name });
  }
}

/** KMS CreateApplicationAccessPoint, with Kaap's own parameter AuthenticationConfig. */
export function createApplicationAccessPoint(dependencies: KmsDependencies): AnyAction {
  return namedAction(dependencies, accessPoints, {
    name: 'CreateApplicationAccessPoint',
    input: z.object({
      Name: resourceName(),
      AuthenticationMethod: withDefault(oneOf(['ClientKey', 'RAMRole']), 'ClientKey'),
      Policies: policyNames,
      Description: withDefault(description(), ''),
      AuthenticationConfig: withDefault(authenticationConfig(), {}),
    }),
    run: async (input) => {
      const identity = { name: input.Name, authenticationMethod: input.AuthenticationMethod };
      const accessPoint: AccessPointRecord = {
        ...identity,
        ...configOf(identity, input.AuthenticationConfig),
        arn: resourceArn(dependencies, 'applicationaccesspoint', input.Name),
        description: input.Description,
        policies: [...new Set(input.Policies)],
        createTime: dependencies.clock.now(),
      };
      await dependencies.store.transact(async (transaction) => {
        await assertPoliciesExist(transaction, accessPoint.policies);
        await putNew(transaction, accessPoints, accessPoint.name, accessPoint);
        await indexRole(transaction, accessPoint.name, undefined, accessPoint);
      });
      return fields(accessPoint);
    },
  });
}

/** KMS UpdateApplicationAccessPoint. The authentication method stays. Takes effect on the next request. */
export function updateApplicationAccessPoint(dependencies: KmsDependencies): AnyAction {
  return namedAction(dependencies, accessPoints, {
    name: 'UpdateApplicationAccessPoint',
    input: z.object({
      Name: resourceName(),
      Policies: optional(policyNames),
      Description: description().optional(),
      AuthenticationConfig: optional(authenticationConfig()),
    }),
    run: async (input) => {
      await dependencies.store.transact(async (transaction) => {
        const before = await getNamed(transaction, accessPoints, input.Name);
        const config = input.AuthenticationConfig === undefined ? {} : configOf(before, input.AuthenticationConfig);
        const after: AccessPointRecord = { ...before, ...config };
        if (input.Policies !== undefined) after.policies = [...new Set(input.Policies)];
        if (input.Description !== undefined) after.description = input.Description;
        await assertPoliciesExist(transaction, after.policies);
        await accessPointTable.put(transaction, after.name, after);
        await indexRole(transaction, after.name, before, after);
        await releaseUnlisted(transaction, after.name, enteredBy(after)?.serviceAccounts ?? []);
      });
      return {};
    },
  });
}

/** Kaap's own: which service account of a name may enter, and which later one of the name was refused. */
function bindingFields(binding: ServiceAccountBinding): Record<string, string> {
  const { provider, namespace, name, uid, boundTime, refusedUid, refusedTime } = binding;
  return {
    Provider: provider,
    Namespace: namespace,
    Name: name,
    Uid: uid,
    BoundTime: isoSeconds(boundTime),
    ...(refusedUid !== undefined && { RefusedUid: refusedUid }),
    ...(refusedTime !== undefined && { RefusedTime: isoSeconds(refusedTime) }),
  };
}

/** KMS DescribeApplicationAccessPoint. */
export function describeApplicationAccessPoint(dependencies: KmsDependencies): AnyAction {
  return namedAction(dependencies, accessPoints, {
    name: 'DescribeApplicationAccessPoint',
    input: z.object({ Name: resourceName() }),
    run: async ({ Name }) => ({
      ...fields(await getNamed(dependencies.store, accessPoints, Name)),
      ServiceAccountBindings: (await bindingsOf(dependencies.store, Name)).map(bindingFields),
    }),
  });
}

/** KMS DeleteApplicationAccessPoint. Its client keys go with it, for good. */
export function deleteApplicationAccessPoint(dependencies: KmsDependencies): AnyAction {
  return namedAction(dependencies, accessPoints, {
    name: 'DeleteApplicationAccessPoint',
    input: z.object({ Name: resourceName() }),
    run: async ({ Name }) => {
      const deleteTime = dependencies.clock.now();
      await dependencies.store.transact(async (transaction) => {
        const accessPoint = await getNamed(transaction, accessPoints, Name);
        const clientKeys = await clientKeyTable.all(transaction);
        for (const { key, record } of clientKeys) {
          if (record.accessPoint === Name) await deleteClientKeyRecord(transaction, key, deleteTime);
        }
        await indexRole(transaction, Name, accessPoint, undefined);
        await releaseUnlisted(transaction, Name, []);
        await accessPointTable.delete(transaction, Name);
      });
      return {};
    },
  });
}

/** KMS ListApplicationAccessPoints. */
export function listApplicationAccessPoints(dependencies: KmsDependencies): AnyAction {
  return namedList(dependencies, accessPoints, {
    name: 'ListApplicationAccessPoints',
    fields: (items) => ({
      ApplicationAccessPoints: {
        ApplicationAccessPoint: items.map(({ authenticationMethod, name }) => ({
          AuthenticationMethod: authenticationMethod,
          Name: name,
        })),
      },
    }),
  });
}
