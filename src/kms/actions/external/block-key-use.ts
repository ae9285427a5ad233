import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import { principalArn } from '../../../policy/principal.ts';
import { defineAction, type ActionPlan, type AnyAction, type RequestContext } from '../../../ports/action.ts';
import { resourceArn } from '../../arn.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { forgetKey } from '../../forget.ts';
import { findKey, keyAccess, loadKey } from '../../key-lookup.ts';
import { keyReference, optional, text } from '../../parameters.ts';
import { blockTable } from '../../records/block.ts';
import { keyTable, type KeyRecord } from '../../records/key.ts';

const input = z.object({
  KeyId: optional(keyReference()),
  KmsInstanceId: optional(text({ max: 68, pattern: /^[\x21-\x7e]+$/ })),
  Reason: optional(text({ max: 256, pattern: /^[\x20-\x7e]*$/, allowed: 'up to 256 printable ASCII characters' })),
});
type Input = z.infer<typeof input>;

/** What is blocked: one key, or all of an instance. */
interface Subject {
  readonly name: string;
  readonly keys: () => Promise<readonly KeyRecord[]>;
}

type Change = (subject: Subject, input: Input, context: RequestContext) => Promise<void>;

/**
 * `BlockKeyUse`, an action of Kaap's own: the kill switch. From the next call on, no key of an External or Hardware instance
 * that is named works, on any replica, until it is unblocked. DisableKey is another thing: whoever may enable a key may
 * not lift a block.
 */
export function blockKeyUse(dependencies: KmsDependencies): AnyAction {
  return switchAction(dependencies, 'BlockKeyUse', async (subject, { Reason = '' }, { principal }) => {
    const record = { reason: Reason, by: principalArn(principal), time: dependencies.clock.now() };
    await dependencies.store.transact((transaction) => blockTable.put(transaction, subject.name, record));
    for (const key of await subject.keys()) forgetKey(dependencies, key);
  });
}

/** `UnblockKeyUse`: lifts what {@link blockKeyUse} put there. Nothing to lift is no error. */
export function unblockKeyUse(dependencies: KmsDependencies): AnyAction {
  return switchAction(dependencies, 'UnblockKeyUse', async ({ name }) => {
    await dependencies.store.transact((transaction) => blockTable.delete(transaction, name));
  });
}

function switchAction(dependencies: KmsDependencies, name: string, change: Change): AnyAction {
  return defineAction<Input>({
    name,
    product: 'Kms',
    input,
    plan: (parameters, context) => {
      const { KeyId, KmsInstanceId } = parameters;
      if ((KeyId === undefined) === (KmsInstanceId === undefined)) {
        throw new ApiError('MissingParameter', 'Name either a key, with KeyId, or an instance, with KmsInstanceId.');
      }
      const run = async (subject: Subject): Promise<Record<string, unknown>> => {
        await change(subject, parameters, context);
        return {};
      };
      return KmsInstanceId === undefined
        ? planForKey(dependencies, name, KeyId ?? '', run)
        : planForInstance(dependencies, name, KmsInstanceId, run);
    },
  });
}

type Run = (subject: Subject) => Promise<Record<string, unknown>>;

async function planForKey(dependencies: KmsDependencies, name: string, keyId: string, run: Run): Promise<ActionPlan> {
  const found = await findKey(dependencies, dependencies.store, keyId);
  return {
    access: [keyAccess(dependencies, `kms:${name}`, found)],
    run: async () => {
      const key = await loadKey(dependencies.store, found);
      if (key.provider !== 'software') return run({ name: key.keyId, keys: () => Promise.resolve([key]) });
      const message = `Key ${key.keyId} is a software key of this service. Use DisableKey.`;
      throw new ApiError('UnsupportedOperation', message);
    },
  };
}

function planForInstance(dependencies: KmsDependencies, name: string, id: string, run: Run): ActionPlan {
  const keys = async (): Promise<readonly KeyRecord[]> =>
    (await keyTable.all(dependencies.store)).map(({ record }) => record).filter(({ scope }) => scope === id);
  return {
    access: [{ action: `kms:${name}`, resource: resourceArn(dependencies, 'instance', id), scope: id }],
    run: () => {
      const instance = dependencies.instances.find((known) => known.id === id);
      if (instance !== undefined && instance.type !== 'Software') return run({ name: id, keys });
      const message = `There is no External or Hardware instance ${id}. ListKmsInstances shows the instances.`;
      throw new ApiError('Forbidden.ResourceNotFound', message);
    },
  };
}
