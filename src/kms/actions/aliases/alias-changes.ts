import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import { defineAction, type ActionPlan, type AnyAction } from '../../../ports/action.ts';
import type { AccessRequest } from '../../../policy/decision.ts';
import type { Transaction } from '../../../ports/store.ts';
import { aliasArn, relativeName, type Home } from '../../arn.ts';
import { sharedScope, type KmsDependencies } from '../../dependencies.ts';
import { findKey, keyAccess, loadKey, type KeyLookup } from '../../key-lookup.ts';
import { assertKeyState } from '../../key-state.ts';
import { keyReference } from '../../parameters.ts';
import { aliasTable } from '../../records/alias.ts';
import { aliasName } from './alias-name.ts';

const input = z.object({ AliasName: aliasName(), KeyId: keyReference() });
type Input = z.infer<typeof input>;

/** Alias actions need their permission on the alias and on the key. */
function aliasAndKey(home: Home, action: string, alias: string, key: KeyLookup): AccessRequest[] {
  const scope = key.key?.scope ?? sharedScope;
  return [{ action, resource: aliasArn(home, alias), scope }, keyAccess(home, action, key)];
}

function aliasNotFound(alias: string): ApiError {
  return new ApiError('Forbidden.AliasNotFound', `There is no alias ${alias}. ListAliases shows those that exist.`);
}

/** An action that points an alias at a key, which must not be about to be deleted. */
function pointAlias(
  dependencies: KmsDependencies,
  name: string,
  check: (exists: boolean, alias: string) => void,
): AnyAction {
  const plan = async ({ AliasName, KeyId }: Input): Promise<ActionPlan> => {
    const found = await findKey(dependencies, dependencies.store, KeyId);
    return {
      access: aliasAndKey(dependencies, `kms:${name}`, AliasName, found),
      run: async () => {
        if (relativeName(dependencies, 'key', KeyId).startsWith('alias/')) throw notAnId();
        await dependencies.store.transact(async (transaction) => {
          const key = await loadKey(transaction, found);
          assertKeyState(key, dependencies.clock.now(), 'aliasTarget');
          check((await aliasTable.get(transaction, AliasName)) !== undefined, AliasName);
          await aliasTable.put(transaction, AliasName, { keyId: key.keyId });
        });
        return {};
      },
    };
  };
  return defineAction<Input>({ name, product: 'Kms', input, plan });
}

function notAnId(): ApiError {
  return new ApiError(
    'Unsupported.Alias',
    'The parameter KeyId must be the id or the ARN of a key here, not an alias.',
  );
}

/** KMS CreateAlias. */
export function createAlias(dependencies: KmsDependencies): AnyAction {
  return pointAlias(dependencies, 'CreateAlias', (exists, alias) => {
    if (!exists) return;
    throw new ApiError('AliasAlreadyExists', `The alias ${alias} exists already. Move it with UpdateAlias.`);
  });
}

/** KMS UpdateAlias: points an alias at another key. Ciphertexts name their key and are not affected. */
export function updateAlias(dependencies: KmsDependencies): AnyAction {
  return pointAlias(dependencies, 'UpdateAlias', (exists, alias) => {
    if (!exists) throw aliasNotFound(alias);
  });
}

async function remove(transaction: Transaction, alias: string, keyId: string | undefined): Promise<void> {
  const current = await aliasTable.get(transaction, alias);
  // An alias that has moved since the permission was looked at belongs to another key.
  if (current === undefined || current.keyId !== keyId) throw aliasNotFound(alias);
  await aliasTable.delete(transaction, alias);
}

/** KMS DeleteAlias. Works in every state of the key. */
export function deleteAlias(dependencies: KmsDependencies): AnyAction {
  const { store } = dependencies;
  return defineAction({
    name: 'DeleteAlias',
    product: 'Kms',
    input: z.object({ AliasName: aliasName() }),
    plan: async ({ AliasName }) => {
      const pointer = await aliasTable.get(store, AliasName);
      const found = await findKey(dependencies, store, pointer?.keyId ?? AliasName);
      return {
        access: aliasAndKey(dependencies, 'kms:DeleteAlias', AliasName, found),
        run: async () => {
          await store.transact((transaction) => remove(transaction, AliasName, pointer?.keyId));
          return {};
        },
      };
    },
  });
}
