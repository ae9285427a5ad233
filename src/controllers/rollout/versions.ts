import type { SecretBinding } from '../../api/v1alpha1/secret-binding.ts';
import { followsCurrent, type Versions } from '../../api/version-mark.ts';
import { currentVersion } from '../current-version.ts';
import { find, type KmsApi } from '../kms-api.ts';
import type { ConditionReport } from '../lifecycle.ts';

/** The condition that says how pods come to new versions. */
export function rolledOut(status: ConditionReport['status'], reason: string, message: string): ConditionReport {
  return { type: 'RolledOut', status, reason, message };
}

/** Moves ACSCurrent back where a version changed, for secrets of the binding's namespace. Gives what was moved. */
export async function giveBack(
  kms: KmsApi,
  binding: SecretBinding,
  delivered: Versions,
  wanted: Versions,
  signal: AbortSignal,
): Promise<Versions> {
  const own = `${binding.metadata.namespace}/`;
  const changed = Object.entries(wanted).filter(
    ([secret, version]) => secret.startsWith(own) && delivered[secret] !== undefined && delivered[secret] !== version,
  );
  const given: Record<string, string> = {};
  for (const [SecretName, RemoveFromVersion] of changed) {
    const MoveToVersion = `${delivered[SecretName]}`;
    const parameters = { SecretName, VersionStage: 'ACSCurrent', MoveToVersion, RemoveFromVersion };
    await kms.call('UpdateSecretVersionStage', parameters, signal);
    given[SecretName] = MoveToVersion;
  }
  return given;
}

/** What people are told when pods failed with a new version. */
export function failureNote(what: 'rollout' | 'restart', why: string, given: Versions): string {
  const names = Object.entries(given).map(([secret, version]) => `${secret} (${version})`);
  const done =
    names.length === 0
      ? 'Its secrets are not of this namespace, so that the version stays: correct it in KMS.'
      : `The former version is current again: ${names.join(', ')}. Correct the value and put it once more.`;
  return `The ${what} was given up: ${why}. ${done}`;
}

/** Names of the secrets whose current version the binding has, each once. */
export function followedSecrets({ spec }: SecretBinding): ReadonlySet<string> {
  const names = spec.sources.flatMap(({ secret }) =>
    secret !== undefined && followsCurrent(secret) ? [secret.name] : [],
  );
  return new Set(names);
}

/** Versions at ACSCurrent of the secrets that the binding follows. Secrets that are absent are not among them. */
export async function versionsOf(kms: KmsApi, binding: SecretBinding, signal: AbortSignal): Promise<Versions> {
  const versions: Record<string, string> = {};
  for (const SecretName of followedSecrets(binding)) {
    const id = currentVersion(await find(kms, 'ListSecretVersionIds', { SecretName }, signal));
    if (id !== undefined) versions[SecretName] = id;
  }
  return versions;
}
