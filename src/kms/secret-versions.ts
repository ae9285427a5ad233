import type { SecretRecord, SecretVersionEntry } from './records/secret.ts';

/** Label of the version that GetSecretValue gives unless told otherwise, and of the one before it. */
export const currentStage = 'ACSCurrent';
export const previousStage = 'ACSPrevious';

/** Label of the version that a rotation is about to make current. */
export const pendingStage = 'ACSPending';

/** Most versions of a secret; the oldest unused one makes room (KMS PutSecretValue). */
export const maxSecretVersions = 10;

/** The version that carries a stage label. */
export function versionWithStage(secret: SecretRecord, stage: string): SecretVersionEntry | undefined {
  return secret.versions.find(({ stages }) => stages.includes(stage));
}

/**
 * Moves a stage label to a version and takes it from any other. When `ACSCurrent` moves, the version that had it
 * becomes `ACSPrevious`.
 */
export function moveStage(secret: SecretRecord, stage: string, versionId: string): void {
  const holder = versionWithStage(secret, stage);
  if (holder?.id === versionId) return;
  removeStage(secret, stage);
  secret.versions.find(({ id }) => id === versionId)?.stages.push(stage);
  if (stage === currentStage && holder !== undefined) moveStage(secret, previousStage, holder.id);
}

/** Takes a stage label from whichever version carries it. */
export function removeStage(secret: SecretRecord, stage: string): void {
  for (const version of secret.versions) version.stages = version.stages.filter((label) => label !== stage);
}

/** Adds a version with its stage labels. Gives the ids of the versions that had to make room. */
export function addSecretVersion(
  secret: SecretRecord,
  version: { id: string; createTime: number },
  stages: readonly string[],
): string[] {
  secret.versions.push({ ...version, stages: [] });
  for (const stage of new Set(stages)) moveStage(secret, stage, version.id);
  const dropped: string[] = [];
  while (secret.versions.length > maxSecretVersions) {
    const at = secret.versions.findIndex((entry) => entry.id !== version.id && !isInUse(entry));
    dropped.push(...secret.versions.splice(at, 1).map(({ id }) => id));
  }
  return dropped;
}

/** Takes a version out of the secret. Gives its id. */
export function dropSecretVersion(secret: SecretRecord, versionId: string): string {
  secret.versions = secret.versions.filter(({ id }) => id !== versionId);
  return versionId;
}

function isInUse(version: SecretVersionEntry): boolean {
  return [currentStage, previousStage, pendingStage].some((stage) => version.stages.includes(stage));
}
