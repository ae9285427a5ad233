import { z } from 'zod';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import { aliasArn, containerArn } from '../../arn.ts';
import { sharedScope, type KmsDependencies } from '../../dependencies.ts';
import { loadKey } from '../../key-lookup.ts';
import { pageOfMatches, pageOfTable, pageParameters, type Page } from '../../paging.ts';
import { keyReference } from '../../parameters.ts';
import { aliasTable, type AliasRecord } from '../../records/alias.ts';
import { keyAction } from '../keys/key-action.ts';

async function list(dependencies: KmsDependencies, page: Page, keyId?: string): Promise<Record<string, unknown>> {
  const { store } = dependencies;
  const isOfKey = (alias: AliasRecord): boolean => alias.keyId === keyId;
  const { items, fields } = await (keyId === undefined
    ? pageOfTable(aliasTable, store, page)
    : pageOfMatches(aliasTable, store, page, isOfKey));
  const Alias = items.map(({ key, record }) => ({
    AliasArn: aliasArn(dependencies, key),
    AliasName: key,
    KeyId: record.keyId,
  }));
  return { Aliases: { Alias }, ...fields };
}

/** KMS ListAliases. */
export function listAliases(dependencies: KmsDependencies): AnyAction {
  const input = z.object(pageParameters(10));
  return defineAction<Page>({
    name: 'ListAliases',
    product: 'Kms',
    input,
    plan: (page) => ({
      access: [{ action: 'kms:ListAliases', resource: containerArn(dependencies, 'alias'), scope: sharedScope }],
      run: () => list(dependencies, page),
    }),
  });
}

/** KMS ListAliasesByKeyId. */
export function listAliasesByKeyId(dependencies: KmsDependencies): AnyAction {
  return keyAction(dependencies, {
    name: 'ListAliasesByKeyId',
    input: z.object({ KeyId: keyReference(), ...pageParameters(10) }),
    run: async (found, page) => {
      const { keyId } = await loadKey(dependencies.store, found);
      return list(dependencies, page, keyId);
    },
  });
}
