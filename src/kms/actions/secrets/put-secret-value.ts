import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { secretReference, withDefault } from '../../parameters.ts';
import { secretTable, type SecretRecord, type SecretVersionEntry } from '../../records/secret.ts';
import { secretVersionKey, secretVersionTable, type SecretVersionRecord } from '../../records/secret-version.ts';
import { loadLiveSecret, type SecretLookup } from '../../secret-lookup.ts';
import { secretData, secretDataType, secretValue, versionId, versionStages } from '../../secret-parameters.ts';
import { openSecretValue, sealSecretValue, type SecretValue } from '../../secret-value.ts';
import { addSecretVersion, currentStage } from '../../secret-versions.ts';
import { secretAction } from './secret-action.ts';

const input = z.object({
  SecretName: secretReference(),
  SecretData: secretData(),
  SecretDataType: secretDataType(),
  VersionId: versionId(),
  VersionStages: withDefault(versionStages(), [currentStage]),
});
type Input = z.infer<typeof input>;

/** KMS PutSecretValue. The same version id with the same value again succeeds; with another value it is refused. */
export function putSecretValue(dependencies: KmsDependencies): AnyAction {
  return secretAction(dependencies, {
    name: 'PutSecretValue',
    input,
    keyAction: 'kms:GenerateDataKey',
    run: async (found, parameters) => {
      const value = secretValue(parameters.SecretData, parameters.SecretDataType);
      const version = await put(dependencies, found, parameters, value);
      return {
        SecretName: found.name,
        VersionId: version.id,
        VersionStages: { VersionStage: version.stages.toSorted() },
      };
    },
  });
}

async function put(
  dependencies: KmsDependencies,
  found: SecretLookup,
  parameters: Input,
  value: SecretValue,
): Promise<SecretVersionEntry> {
  const secret = await loadLiveSecret(dependencies.store, found);
  assertGeneric(secret);
  const valueName = { name: secret.name, versionId: parameters.VersionId };
  const existing = entryOf(secret, parameters.VersionId);
  if (existing !== undefined) {
    await assertSameValue(dependencies, valueName, value);
    return existing;
  }
  const sealed = await sealSecretValue(dependencies, secret, valueName, value);
  const added = await store(dependencies, found, parameters, sealed);
  // Somebody else put this version meanwhile: compare with theirs.
  return added ?? put(dependencies, found, parameters, value);
}

/** Values of managed secrets are made by rotation, together with what they open. */
function assertGeneric({ name, secretType }: SecretRecord): void {
  if (secretType === 'Generic') return;
  throw new ApiError('UnsupportedOperation', `Secret ${name} is of type ${secretType}. Use RotateSecret.`);
}

function store(
  dependencies: KmsDependencies,
  found: SecretLookup,
  parameters: Input,
  sealed: SecretVersionRecord,
): Promise<SecretVersionEntry | undefined> {
  const createTime = dependencies.clock.now();
  return dependencies.store.transact(async (transaction) => {
    const secret = await loadLiveSecret(transaction, found);
    const id = parameters.VersionId;
    if (entryOf(secret, id) !== undefined) return undefined;
    const dropped = addSecretVersion(secret, { id, createTime }, parameters.VersionStages);
    for (const old of dropped) await secretVersionTable.delete(transaction, secretVersionKey(secret.name, old));
    secret.updateTime = createTime;
    await secretTable.put(transaction, secret.name, secret);
    await secretVersionTable.put(transaction, secretVersionKey(secret.name, id), sealed);
    return entryOf(secret, id);
  });
}

function entryOf(secret: SecretRecord, wanted: string): SecretVersionEntry | undefined {
  return secret.versions.find(({ id }) => id === wanted);
}

async function assertSameValue(
  dependencies: KmsDependencies,
  valueName: { name: string; versionId: string },
  value: SecretValue,
): Promise<void> {
  const stored = await secretVersionTable.get(
    dependencies.store,
    secretVersionKey(valueName.name, valueName.versionId),
  );
  const current = stored === undefined ? undefined : await openSecretValue(dependencies, valueName, stored);
  if (current?.dataType === value.dataType && isEqual(current.data, value.data)) return;
  throw new ApiError(
    'Rejected.ResourceExist',
    `Secret ${valueName.name} has a version of this VersionId with another value. Use a new VersionId.`,
  );
}

function isEqual(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one, 'utf8'), Buffer.from(other, 'utf8')];
  return a.length === b.length && timingSafeEqual(a, b);
}
