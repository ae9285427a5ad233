import { z } from 'zod';
import { defineAction, type AnyAction, type RequestContext } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { integer, json, oneOf, optional, secretReference, text, withDefault } from '../../parameters.ts';
import { SecretChanges } from '../../secret-changes.ts';
import { findSecret, secretAccess, secretKeyAccess, type SecretLookup } from '../../secret-lookup.ts';
import { versionId, versionStage } from '../../secret-parameters.ts';
import { currentStage, versionWithStage } from '../../secret-versions.ts';

const maxSecrets = 32;
const maxWaitSeconds = 60;

const item = z.object({
  SecretName: secretReference(),
  VersionId: optional(versionId()),
  VersionStage: optional(versionStage()),
  State: optional(text({ max: 256 })),
});
type Item = z.infer<typeof item>;

const input = z.object({
  Secrets: json(
    z.array(item).min(1).max(maxSecrets),
    `a list of 1 to ${maxSecrets} {"SecretName", "VersionStage", "State"}`,
  ),
  WaitSeconds: withDefault(integer(0, maxWaitSeconds), 30),
  Watch: withDefault(oneOf(['Value', 'Versions']), 'Value'),
});
type Watch = z.infer<typeof input>['Watch'];

/** What tells nobody more than ListSecretVersionIds does needs no more than that. */
const listVersions = 'kms:ListSecretVersionIds';

/**
 * Kaap's own: waits until one of the secrets has another version at its stage than the caller knows, at most
 * `WaitSeconds`. `State` is what an earlier answer said of the secret; without it the answer comes at once. It gives no
 * value, and needs on every secret what GetSecretValue needs.
 *
 * With `Watch` as `Versions` it is for those who may know which versions there are, and not the value: it needs
 * ListSecretVersionIds, and tells what that tells.
 */
export function waitSecretChanges(dependencies: KmsDependencies): AnyAction {
  const changes = new SecretChanges(dependencies.store);
  return defineAction<z.infer<typeof input>>({
    name: 'WaitSecretChanges',
    product: 'Kms',
    input,
    plan: async ({ Secrets, WaitSeconds, Watch }, context) => {
      const looked = await Promise.all(Secrets.map((each) => lookUp(dependencies, each, Watch)));
      return {
        access: looked.flatMap(({ access }) => access),
        ...(Watch === 'Versions' && { permission: listVersions }),
        run: async () => {
          const names = looked.map(({ found }) => found.name);
          const isDue = async (): Promise<boolean> =>
            (await statesOf(dependencies, looked, Watch)).some(({ Changed }) => Changed);
          await changes.wait(names, isDue, { timeoutMs: WaitSeconds * 1000, signal: endOf(dependencies, context) });
          return { Secrets: { Secret: await statesOf(dependencies, looked, Watch) } };
        },
      };
    },
  });
}

interface Looked {
  each: Item;
  found: SecretLookup;
}

async function lookUp(dependencies: KmsDependencies, each: Item, watch: Watch): Promise<Looked & Access> {
  const found = await findSecret(dependencies, dependencies.store, each.SecretName);
  if (watch === 'Versions') return { each, found, access: [secretAccess(dependencies, listVersions, found)] };
  const key = await secretKeyAccess(dependencies, 'kms:Decrypt', found.secret?.encryptionKeyId);
  return { each, found, access: [secretAccess(dependencies, 'kms:GetSecretValue', found), ...key] };
}

interface Access {
  access: ReturnType<typeof secretAccess>[];
}

/** A wait ends with its caller, and with the service. */
function endOf({ closing }: KmsDependencies, { signal }: RequestContext): AbortSignal {
  return closing === undefined ? signal : AbortSignal.any([signal, closing]);
}

interface SecretState {
  SecretName: string;
  /** Opaque: the same as long as GetSecretValue, or ListSecretVersionIds of that version, would answer the same. */
  State: string;
  Changed: boolean;
}

function statesOf(dependencies: KmsDependencies, looked: readonly Looked[], watch: Watch): Promise<SecretState[]> {
  return Promise.all(
    looked.map(async ({ each, found }) => {
      const { secret } = await findSecret(dependencies, dependencies.store, found.name);
      const State = isAnother(secret, found) ? 'another' : stateOf(secret, each, watch);
      return { SecretName: each.SecretName, State, Changed: State !== each.State };
    }),
  );
}

/** Whether the name has gone to a secret about which nobody has asked whether the caller may know of it: the next call does. */
function isAnother(secret: SecretLookup['secret'], found: SecretLookup): boolean {
  return secret !== undefined && secret.secretId !== found.secret?.secretId;
}

function stateOf(secret: SecretLookup['secret'], { VersionId, VersionStage }: Item, watch: Watch): string {
  if (secret === undefined) return 'absent';
  // A list of versions does not tell that the secret is about to be deleted.
  if (secret.deletion !== undefined && watch === 'Value') return `${secret.secretId}.deleted`;
  const id = VersionId ?? versionWithStage(secret, VersionStage ?? currentStage)?.id;
  const version = secret.versions.find((candidate) => candidate.id === id);
  return `${secret.secretId}.${version?.id ?? ''}`;
}
