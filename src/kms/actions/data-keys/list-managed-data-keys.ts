import { z } from 'zod';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import { containerArn } from '../../arn.ts';
import { loadDataKey } from '../../data-key-lookup.ts';
import { sharedScope, type KmsDependencies } from '../../dependencies.ts';
import { pageOf, pageOfTable, pageParameters, type Page } from '../../paging.ts';
import { dataKeyTable, type DataKeyRecord } from '../../records/data-key.ts';
import { isoSeconds } from '../../time-format.ts';
import { dataKeyAction, dataKeyName } from './data-key-action.ts';
import { versionNames } from './data-key-version.ts';

/** KMS ListManagedDataKeyVersions, oldest first: the order in which GetManagedDataKey speaks of the first and the latest. */
export function listManagedDataKeyVersions(dependencies: KmsDependencies): AnyAction {
  return dataKeyAction(dependencies, {
    name: 'ListManagedDataKeyVersions',
    input: z.object({ DataKeyName: dataKeyName(), ...pageParameters(10) }),
    run: async (found, page) => {
      const { name, versions } = await loadDataKey(dependencies.store, found);
      const { items, fields } = pageOf(versions, page);
      const ManagedDataKeyVersion = items.map((version) => {
        const { DataKeyVersionId, DataKeyVersionName } = versionNames(name, version);
        return { DataKeyVersionId, DataKeyVersionName };
      });
      return { DataKeyName: name, ManagedDataKeyVersions: { ManagedDataKeyVersion }, ...fields };
    },
  });
}

/** `ListManagedDataKeys`, an action of Kaap's own: names and dates, and which key protects them. */
export function listManagedDataKeys(dependencies: KmsDependencies): AnyAction {
  return defineAction<Page>({
    name: 'ListManagedDataKeys',
    product: 'Kms',
    input: z.object(pageParameters(10)),
    plan: (page) => ({
      access: [
        { action: 'kms:ListManagedDataKeys', resource: containerArn(dependencies, 'datakey'), scope: sharedScope },
      ],
      run: async () => {
        const { items, fields } = await pageOfTable(dataKeyTable, dependencies.store, page);
        return { ManagedDataKeys: { ManagedDataKey: items.map(({ record }) => listed(record)) }, ...fields };
      },
    }),
  });
}

function listed({ name, keyId, createTime, versions, deletion }: DataKeyRecord): Record<string, unknown> {
  return {
    CreateTime: isoSeconds(createTime),
    DataKeyName: name,
    KeyId: keyId,
    PlannedDeleteTime: deletion === undefined ? '' : isoSeconds(deletion.dueTime),
    VersionCount: versions.length,
  };
}
