import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { optional, secretReference } from '../../parameters.ts';
import type { SecretRecord } from '../../records/secret.ts';
import { changeSecret } from '../../secret-lookup.ts';
import { versionId, versionStage } from '../../secret-parameters.ts';
import { currentStage, moveStage, previousStage, removeStage, versionWithStage } from '../../secret-versions.ts';
import { secretAction } from './secret-action.ts';

const input = z.object({
  SecretName: secretReference(),
  VersionStage: versionStage(),
  MoveToVersion: optional(versionId()),
  RemoveFromVersion: optional(versionId()),
});
type Input = z.infer<typeof input>;

/** KMS UpdateSecretVersionStage: moves a stage label to a version, or takes it from one. */
export function updateSecretVersionStage(dependencies: KmsDependencies): AnyAction {
  return secretAction(dependencies, {
    name: 'UpdateSecretVersionStage',
    input,
    run: async (found, parameters) => {
      const updateTime = dependencies.clock.now();
      await changeSecret(dependencies, found, (secret) => {
        changeStage(secret, parameters);
        secret.updateTime = updateTime;
      });
      return { SecretName: found.name };
    },
  });
}

function changeStage(secret: SecretRecord, { VersionStage, MoveToVersion, RemoveFromVersion }: Input): void {
  assertVersionsExist(secret, [MoveToVersion, RemoveFromVersion]);
  if (RemoveFromVersion !== undefined && versionWithStage(secret, VersionStage)?.id !== RemoveFromVersion) {
    throw new ApiError('InvalidParameter', 'The parameter RemoveFromVersion must name the version that has the stage.');
  }
  if (MoveToVersion !== undefined) {
    moveStage(secret, VersionStage, MoveToVersion);
    return;
  }
  if (RemoveFromVersion === undefined || VersionStage === currentStage || VersionStage === previousStage) {
    const message = 'The parameter MoveToVersion is required: only a stage of your own can be removed without it.';
    throw new ApiError('MissingParameter', message);
  }
  removeStage(secret, VersionStage);
}

function assertVersionsExist(secret: SecretRecord, wanted: readonly (string | undefined)[]): void {
  for (const version of wanted) {
    if (version === undefined || secret.versions.some(({ id }) => id === version)) continue;
    const message = `Secret ${secret.name} has no such version. ListSecretVersionIds shows those that exist.`;
    throw new ApiError('Forbidden.ResourceNotFound', message);
  }
}
