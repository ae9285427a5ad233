import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import { containerArn, resourceArn } from '../../arn.ts';
import { sharedScope, type InstanceDescription, type InstanceType, type KmsDependencies } from '../../dependencies.ts';
import { instanceProviders } from '../../instance.ts';
import { instanceProblem } from '../../key-availability.ts';
import { pageOf, pageParameters, type Page } from '../../paging.ts';
import { refused, text } from '../../parameters.ts';
import { keyTable } from '../../records/key.ts';
import type { Reader, RecordTable } from '../../records/record-table.ts';
import { secretTable } from '../../records/secret.ts';

/** Product names of instance types, as GetKmsInstance spells them. */
const productTypes: Readonly<Record<InstanceType, string>> = {
  Software: 'kms_ddi_public_cn',
  Hardware: 'kms_hsm_public_cn',
  External: 'kms_xki_public_cn',
};

/** KMS ListKmsInstances: the instances of the configuration; `shared` is not one of them. */
export function listKmsInstances(dependencies: KmsDependencies): AnyAction {
  return defineAction<Page>({
    name: 'ListKmsInstances',
    product: 'Kms',
    input: z.object({
      Filters: refused('its API page names no filter; there are few instances, choose among them'),
      ...pageParameters(20),
    }),
    plan: (page) => ({
      access: [
        { action: 'kms:ListKmsInstances', resource: containerArn(dependencies, 'instance'), scope: sharedScope },
      ],
      run: () => {
        const { items, fields } = pageOf(dependencies.instances, page);
        const KmsInstance = items.map(({ id }) => ({
          KmsInstanceArn: resourceArn(dependencies, 'instance', id),
          KmsInstanceId: id,
        }));
        return Promise.resolve({ KmsInstances: { KmsInstance }, ...fields });
      },
    }),
  });
}

/** KMS GetKmsInstance, with the fields that mean something in an installation of one's own. */
export function getKmsInstance(dependencies: KmsDependencies): AnyAction {
  return defineAction({
    name: 'GetKmsInstance',
    product: 'Kms',
    input: z.object({ KmsInstanceId: text({ max: 64, pattern: /^[\x21-\x7e]+$/ }) }),
    plan: ({ KmsInstanceId }) => ({
      access: [
        {
          action: 'kms:GetKmsInstance',
          resource: resourceArn(dependencies, 'instance', KmsInstanceId),
          scope: KmsInstanceId,
        },
      ],
      run: async () => {
        const instance = dependencies.instances.find(({ id }) => id === KmsInstanceId);
        if (instance !== undefined) return { KmsInstance: await instanceFields(dependencies, instance) };
        const message = `There is no KMS instance ${KmsInstanceId}. ListKmsInstances shows those that exist.`;
        throw new ApiError('Forbidden.ResourceNotFound', message);
      },
    }),
  });
}

/** KMS GetDefaultKmsInstance: the instance for callers that name none, which is `shared`. */
export function getDefaultKmsInstance(dependencies: KmsDependencies): AnyAction {
  return defineAction({
    name: 'GetDefaultKmsInstance',
    product: 'Kms',
    input: z.object({}),
    plan: () => ({
      access: [
        { action: 'kms:GetDefaultKmsInstance', resource: containerArn(dependencies, 'instance'), scope: sharedScope },
      ],
      run: () => Promise.resolve({ DefaultKmsInstanceId: sharedScope }),
    }),
  });
}

async function instanceFields(
  dependencies: KmsDependencies,
  { id, type }: InstanceDescription,
): Promise<Record<string, unknown>> {
  const problem = await instanceProblem(dependencies, id, instanceProviders[type]);
  return {
    InstanceId: id,
    InstanceName: id,
    KeyNum: await countInScope(keyTable, dependencies.store, id),
    ProductType: productTypes[type],
    SecretNum: String(await countInScope(secretTable, dependencies.store, id)),
    Status: problem === undefined ? 'Connected' : 'Disconnected',
    ...(problem !== undefined && { StatusReason: problem }),
  };
}

/** How many records of the table belong to an instance. The table goes by once. */
async function countInScope(table: RecordTable<{ scope: string }>, reader: Reader, scope: string): Promise<number> {
  let count = 0;
  for await (const { read } of table.each(reader)) if (read().scope === scope) count += 1;
  return count;
}
