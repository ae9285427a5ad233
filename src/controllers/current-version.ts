import type { KmsAnswer } from './kms-api.ts';

/** Id of the version at ACSCurrent in an answer to ListSecretVersionIds; undefined where there is none. */
export function currentVersion(answer: KmsAnswer | undefined): string | undefined {
  const { VersionId = [] } = (answer?.['VersionIds'] ?? {}) as {
    VersionId?: { VersionId: string; VersionStages: { VersionStage: string[] } }[];
  };
  return VersionId.find(({ VersionStages }) => VersionStages.VersionStage.includes('ACSCurrent'))?.VersionId;
}
