import { z } from 'zod';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { flag, optional, secretReference, withDefault } from '../../parameters.ts';
import { readSecretValue } from '../../read-secret-value.ts';
import { versionId, versionStage } from '../../secret-parameters.ts';
import { secretAction } from './secret-action.ts';

const input = z.object({
  SecretName: secretReference(),
  VersionId: optional(versionId()),
  VersionStage: optional(versionStage()),
  FetchExtendedConfig: withDefault(flag(), false),
});

/** KMS GetSecretValue: the version of a stage (ACSCurrent unless given) or of an id. */
export function getSecretValue(dependencies: KmsDependencies): AnyAction {
  return secretAction(dependencies, {
    name: 'GetSecretValue',
    input,
    keyAction: 'kms:Decrypt',
    run: (found, parameters) => readSecretValue(dependencies, found, parameters),
  });
}
