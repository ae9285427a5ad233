import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { changeKey, findKey, keyAccess } from '../../key-lookup.ts';
import { assertKeyState } from '../../key-state.ts';
import { description, flag, keyReference, optional, refused, withDefault } from '../../parameters.ts';
import type { KeyRecord } from '../../records/key.ts';

const input = z.object({
  DeletionProtectionDescription: withDefault(description(), ''),
  EnableDeletionProtection: flag(),
  KeyId: optional(keyReference()),
  KmsInstanceId: refused(
    'its API page knows keys only; instances are those of the configuration, and no call deletes them',
  ),
  ProtectedResourceArn: optional(keyReference()),
});
type Input = z.infer<typeof input>;

/** KMS SetDeletionProtection, for keys: named by ProtectedResourceArn or, in the older form, by KeyId. */
export function setDeletionProtection(dependencies: KmsDependencies): AnyAction {
  return defineAction<Input>({
    name: 'SetDeletionProtection',
    product: 'Kms',
    input,
    plan: async (parameters) => {
      const found = await findKey(dependencies, dependencies.store, keyOf(parameters));
      return {
        access: [keyAccess(dependencies, 'kms:SetDeletionProtection', found)],
        run: async () => {
          await changeKey(dependencies, found, (key) => protect(key, dependencies.clock.now(), parameters));
          return {};
        },
      };
    },
  });
}

function keyOf({ ProtectedResourceArn, KeyId }: Input): string {
  const key = ProtectedResourceArn ?? KeyId;
  if (key === undefined) {
    throw new ApiError('MissingParameter', 'The parameter ProtectedResourceArn is required: the ARN of a key.');
  }
  return key;
}

function protect(key: KeyRecord, now: number, parameters: Input): void {
  if (!parameters.EnableDeletionProtection) {
    delete key.deletionProtection;
    return;
  }
  assertKeyState(key, now, 'protect');
  key.deletionProtection = { description: parameters.DeletionProtectionDescription };
}
