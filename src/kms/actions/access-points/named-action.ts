import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import type { Transaction } from '../../../ports/store.ts';
import { containerArn, resourceArn } from '../../arn.ts';
import { sharedScope, type KmsDependencies } from '../../dependencies.ts';
import { pageOfTable, pageParameters } from '../../paging.ts';
import { text } from '../../parameters.ts';
import type { RecordTable } from '../../records/record-table.ts';

/** What access points are made of: resources that the caller names. */
export interface NamedResource<T extends object> {
  /** As ARNs spell it. */
  readonly type: 'policy' | 'network' | 'applicationaccesspoint';
  /** In a sentence, such as `network rule`. */
  readonly noun: string;
  readonly table: RecordTable<T>;
}

/** `Name`: 1 to 64 letters, digits, `.`, `_` or `-`, beginning with a letter or digit. */
export function resourceName(): z.ZodType<string> {
  const allowed = '1 to 64 letters, digits or ._-, beginning with a letter or digit';
  return text({ max: 64, pattern: /^[A-Za-z0-9][A-Za-z0-9._-]*$/, allowed });
}

/** An action about one named resource, which needs the permission of its own name on it. */
export function namedAction<T extends object, Input extends { Name: string }>(
  dependencies: KmsDependencies,
  resource: NamedResource<T>,
  action: { name: string; input: z.ZodType<Input>; run(input: Input): Promise<Record<string, unknown>> },
): AnyAction {
  return defineAction<Input>({
    name: action.name,
    product: 'Kms',
    input: action.input,
    plan: (input) => ({
      access: [
        {
          action: `kms:${action.name}`,
          resource: resourceArn(dependencies, resource.type, input.Name),
          scope: sharedScope,
        },
      ],
      run: () => action.run(input),
    }),
  });
}

/** The list action of a kind: names in order, twenty a page. */
export function namedList<T extends object>(
  dependencies: KmsDependencies,
  resource: NamedResource<T>,
  action: { name: string; fields(items: T[]): Record<string, unknown> },
): AnyAction {
  const input = z.object(pageParameters(20));
  return defineAction<z.infer<typeof input>>({
    name: action.name,
    product: 'Kms',
    input,
    plan: (page) => ({
      access: [
        {
          action: `kms:${action.name}`,
          resource: containerArn(dependencies, resource.type),
          scope: sharedScope,
        },
      ],
      run: async () => {
        const { items, fields } = await pageOfTable(resource.table, dependencies.store, page);
        return { ...action.fields(items.map(({ record }) => record)), ...fields };
      },
    }),
  });
}

/** Stores a new record. Throws `Rejected.ResourceExist` when the name is taken. */
export async function putNew<T extends object>(
  transaction: Transaction,
  { table, noun }: NamedResource<T>,
  name: string,
  record: T,
): Promise<void> {
  if ((await table.get(transaction, name)) !== undefined) {
    throw new ApiError('Rejected.ResourceExist', `There is a ${noun} ${name} already. Update it, or use another name.`);
  }
  await table.put(transaction, name, record);
}

/** A record by its name. Throws `Forbidden.ResourceNotFound`. */
export async function getNamed<T extends object>(
  reader: Pick<Transaction, 'get'>,
  { table, noun }: NamedResource<T>,
  name: string,
): Promise<T> {
  const record = await table.get(reader, name);
  if (record !== undefined) return record;
  throw new ApiError('Forbidden.ResourceNotFound', `There is no ${noun} ${name}. Create it, or check the name.`);
}

/** Refuses to delete what others name. */
export function assertUnused(noun: string, name: string, users: readonly string[]): void {
  if (users.length === 0) return;
  const some = users.slice(0, 5).join(', ');
  throw new ApiError('Rejected.ResourceInUse', `The ${noun} ${name} is used by ${some}. Remove it there first.`);
}
