import { ApiError } from '../lib/errors.ts';
import type { KmsDependencies } from './dependencies.ts';
import type { SecretRecord, SecretVersionEntry } from './records/secret.ts';
import { secretVersionKey, secretVersionTable } from './records/secret-version.ts';
import { loadLiveSecret, type SecretLookup } from './secret-lookup.ts';
import { rotationFields } from './secret-rotation.ts';
import { openSecretValue } from './secret-value.ts';
import { currentStage, versionWithStage } from './secret-versions.ts';
import { isoSeconds } from './time-format.ts';

/** Which version of a secret somebody asks for. */
export interface VersionChoice {
  VersionId?: string | undefined;
  VersionStage?: string | undefined;
  FetchExtendedConfig: boolean;
}

/** The fields of GetSecretValue, also those of an item of BatchGetSecretValue. */
export async function readSecretValue(
  dependencies: KmsDependencies,
  found: SecretLookup,
  choice: VersionChoice,
): Promise<Record<string, unknown>> {
  const secret = await loadLiveSecret(dependencies.store, found);
  const version = chooseVersion(secret, choice);
  const stored = await secretVersionTable.get(dependencies.store, secretVersionKey(secret.name, version.id));
  // A version that was dropped since its secret was read.
  if (stored === undefined) throw versionNotFound(secret.name);
  const value = await openSecretValue(dependencies, { name: secret.name, versionId: version.id }, stored);
  return {
    ...rotationFields(secret),
    CreateTime: isoSeconds(version.createTime),
    ExtendedConfig: choice.FetchExtendedConfig ? (secret.extendedConfig ?? '') : '',
    SecretData: value.data,
    SecretDataType: value.dataType,
    SecretName: secret.name,
    SecretType: secret.secretType,
    VersionId: version.id,
    VersionStages: { VersionStage: version.stages.toSorted() },
  };
}

function chooseVersion(secret: SecretRecord, { VersionId, VersionStage }: VersionChoice): SecretVersionEntry {
  const version =
    VersionId === undefined
      ? versionWithStage(secret, VersionStage ?? currentStage)
      : secret.versions.find(({ id }) => id === VersionId);
  if (version === undefined) throw versionNotFound(secret.name);
  if (VersionStage !== undefined && !version.stages.includes(VersionStage)) throw versionNotFound(secret.name);
  return version;
}

function versionNotFound(name: string): ApiError {
  return new ApiError(
    'Forbidden.ResourceNotFound',
    `Secret ${name} has no such version. ListSecretVersionIds shows those that exist and their stages.`,
  );
}
