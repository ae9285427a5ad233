import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { flag, json, optional, secretReference, withDefault } from '../../parameters.ts';
import { readSecretValue } from '../../read-secret-value.ts';
import { findSecret, secretAccess, secretKeyAccess, type SecretLookup } from '../../secret-lookup.ts';
import { versionId, versionStage } from '../../secret-parameters.ts';

const maxSecrets = 20;
const item = z.object({
  SecretName: secretReference(),
  VersionId: optional(versionId()),
  VersionStage: optional(versionStage()),
  FetchExtendedConfig: withDefault(flag(), false),
});
type Item = z.infer<typeof item>;

const input = z.object({
  SecretsList: json(z.array(item).min(1).max(maxSecrets), `a list of 1 to ${maxSecrets} {"SecretName"}`),
});

/**
 * KMS BatchGetSecretValue. Needs the permissions of GetSecretValue on every secret; a secret that is missing or cannot
 * be read is reported beside the others.
 */
export function batchGetSecretValue(dependencies: KmsDependencies): AnyAction {
  return defineAction<z.infer<typeof input>>({
    name: 'BatchGetSecretValue',
    product: 'Kms',
    input,
    plan: async ({ SecretsList }) => {
      const looked = await Promise.all(
        SecretsList.map(async (each) => {
          const found = await findSecret(dependencies, dependencies.store, each.SecretName);
          const key = await secretKeyAccess(dependencies, 'kms:Decrypt', found.secret?.encryptionKeyId);
          return { each, found, access: [secretAccess(dependencies, 'kms:GetSecretValue', found), ...key] };
        }),
      );
      return {
        access: looked.flatMap(({ access }) => access),
        run: async () => {
          const results = await Promise.all(looked.map(({ each, found }) => read(dependencies, found, each)));
          return {
            Errors: results.flatMap((result) => ('error' in result ? [result.error] : [])),
            SecretValues: results.flatMap((result) => ('value' in result ? [result.value] : [])),
          };
        },
      };
    },
  });
}

type Result = { value: Record<string, unknown> } | { error: Record<string, unknown> };

async function read(dependencies: KmsDependencies, found: SecretLookup, each: Item): Promise<Result> {
  try {
    return { value: await readSecretValue(dependencies, found, each) };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { code: Code, httpStatus: HttpStatus, message: Message } = error;
    return { error: { Code, HttpStatus, Message, SecretName: each.SecretName } };
  }
}
