import { createHash } from 'node:crypto';

/** Version of each secret that a binding follows, by the name of the secret. */
export type Versions = Readonly<Record<string, string>>;

/** Stands for versions in an annotation. The operator knows them from lists, an agent from the values that it got. */
export function markOf(versions: Versions): string {
  const sorted = Object.entries(versions).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 16);
}

/** Whether a source goes with the current version: one that fixes a version or another stage does not change by itself. */
export function followsCurrent(secret: { versionId?: string; versionStage?: string }): boolean {
  return secret.versionId === undefined && secret.versionStage === undefined;
}

/**
 * The annotation of a pod that says with which versions its containers may start again, for one binding: the operator's
 * word to the agent. Not below kaap.dev/, where pods may say little.
 */
export function turnAnnotation(binding: string): string {
  return `restart.kaap.dev/${binding}`;
}
