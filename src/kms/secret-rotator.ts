import { ApiError } from '../lib/errors.ts';
import type { Transaction } from '../ports/store.ts';
import type { KmsDependencies } from './dependencies.ts';
import { secretTable, type SecretRecord } from './records/secret.ts';
import { secretVersionKey, secretVersionTable, type SecretVersionRecord } from './records/secret-version.ts';
import { generateValue, jsonObject } from './secret-generator.ts';
import { loadLiveSecret, type SecretLookup } from './secret-lookup.ts';
import { secretValue } from './secret-parameters.ts';
import { noteFailure, noteRotation } from './secret-rotation.ts';
import { managedTypeOf, type ExtendedConfig, type ValuesBefore } from './secret-types.ts';
import { openSecretValue, sealSecretValue } from './secret-value.ts';
import {
  addSecretVersion,
  currentStage,
  dropSecretVersion,
  moveStage,
  pendingStage,
  previousStage,
  removeStage,
  versionWithStage,
} from './secret-versions.ts';

/** A rotation of one secret to a version of the caller's naming. */
interface Rotation {
  readonly dependencies: KmsDependencies;
  readonly found: SecretLookup;
  readonly versionId: string;
  readonly signal: AbortSignal;
}

/**
 * Rotates a secret: a new value becomes ACSCurrent, the one before ACSPrevious. A version of that id that is there already
 * is the answer of an earlier call, and nothing more is done.
 *
 * When it fails the value before stays current. What a hook was asked to set stays stored as ACSPending and is asked for
 * again by the next attempt: the hook may have set it although its answer was lost.
 */
export async function rotateSecret(
  dependencies: KmsDependencies,
  found: SecretLookup,
  versionId: string,
  signal: AbortSignal,
): Promise<void> {
  const secret = await loadLiveSecret(dependencies.store, found);
  const rotator = rotatorOf(dependencies, secret);
  const done = secret.versions.find(({ id }) => id === versionId);
  if (done !== undefined && !done.stages.includes(pendingStage)) return;
  try {
    await rotator({ dependencies, found, versionId, signal }, secret);
  } catch (error) {
    await change(dependencies, found, (current) => noteFailure(current, dependencies.clock.now()));
    throw error;
  }
}

type Rotator = (rotation: Rotation, secret: SecretRecord) => Promise<void>;

/** What rotates the secret. Throws `UnsupportedOperation` when nothing does. */
export function rotatorOf({ accessKeys, rotationHook }: KmsDependencies, secret: SecretRecord): Rotator {
  const { secretType, generator } = secret;
  if (secretType === 'Generic') {
    if (generator !== undefined) return rotateGenerated;
    throw unsupported(
      'A generic secret rotates only with a SecretDataGenerator. Use PutSecretValue, or give it one with UpdateSecretRotationPolicy.',
    );
  }
  if (secretType === 'RAMCredentials') {
    if (accessKeys !== undefined) return rotateAccessKey;
    throw unsupported('This installation has no RAM whose access keys could be rotated.');
  }
  if (rotationHook !== undefined) return rotateByHook;
  throw unsupported(
    `Secrets of type ${secretType} rotate by a hook, and this installation has none. See the guide "Rotation".`,
  );
}

function unsupported(message: string): ApiError {
  return new ApiError('UnsupportedOperation', message);
}

async function rotateGenerated(rotation: Rotation, secret: SecretRecord): Promise<void> {
  const { random } = rotation.dependencies;
  if (secret.generator === undefined) throw new Error('a generic secret without generator is rotated');
  const before =
    secret.generator.GeneratedField === undefined ? undefined : await valueAt(rotation, secret, currentStage);
  const sealed = await seal(rotation, secret, generateValue(random, secret.generator, before));
  await finish(rotation, sealed);
}

async function rotateAccessKey(rotation: Rotation, secret: SecretRecord): Promise<void> {
  const { accessKeys, clock } = rotation.dependencies;
  const userName = String(configOf(secret)['UserName']);
  const key = accessKeys?.draft(userName);
  if (accessKeys === undefined || key === undefined) throw new Error('there is no issuer of access keys');
  const replaced = jsonObject((await valueAt(rotation, secret, previousStage)) ?? '')?.['AccessKeyId'];
  const value = {
    AccessKeyId: key.accessKeyId,
    AccessKeySecret: key.secret,
    GenerateTimestamp: new Date(clock.now()).toISOString(),
  };
  const sealed = await seal(rotation, secret, JSON.stringify(value));
  const versions = versionIdsAt(secret);
  await finish(rotation, sealed, async (transaction, current) => {
    // Another call rotated meanwhile: the key that this one would delete is another one now.
    if (versionIdsAt(current) !== versions)
      throw new ApiError('ServiceUnavailableTemporary', 'The secret is being rotated. Try again.');
    await accessKeys.replace(transaction, userName, key, typeof replaced === 'string' ? [replaced] : []);
  });
}

/** Which versions carry the two stages that a rotation moves. */
function versionIdsAt(secret: SecretRecord): string {
  return [currentStage, previousStage].map((stage) => versionWithStage(secret, stage)?.id ?? '').join('\n');
}

async function rotateByHook(rotation: Rotation, secret: SecretRecord): Promise<void> {
  const { dependencies, versionId, signal } = rotation;
  const current = (await valueAt(rotation, secret, currentStage)) ?? '';
  const waiting = await valueAt(rotation, secret, pendingStage);
  const pending = waiting ?? (await nextValue(rotation, secret, current));
  if (versionWithStage(secret, pendingStage)?.id !== versionId)
    await storePending(rotation, await seal(rotation, secret, pending), waiting);
  const { name: secretName, secretType } = secret;
  const request = { secretName, secretType, extendedConfig: configOf(secret), versionId, current, pending };
  await dependencies.rotationHook?.apply(request, signal);
  await finish(rotation);
}

async function nextValue(rotation: Rotation, secret: SecretRecord, current: string): Promise<string> {
  const previous = await valueAt(rotation, secret, previousStage);
  const before: ValuesBefore = { current: jsonObject(current) ?? {}, previous: jsonObject(previous ?? '') };
  const next = managedTypeOf(secret.secretType)?.next;
  if (next === undefined) throw new Error(`secrets of type ${secret.secretType} have no next value`);
  return next(before, configOf(secret), rotation.dependencies.random);
}

/** Parsed ExtendedConfig. */
export function configOf({ extendedConfig = '{}' }: SecretRecord): ExtendedConfig {
  return jsonObject(extendedConfig) ?? {};
}

function seal({ dependencies, versionId }: Rotation, secret: SecretRecord, data: string): Promise<SecretVersionRecord> {
  return sealSecretValue(dependencies, secret, { name: secret.name, versionId }, secretValue(data, 'text'));
}

async function valueAt({ dependencies }: Rotation, secret: SecretRecord, stage: string): Promise<string | undefined> {
  const version = versionWithStage(secret, stage);
  if (version === undefined) return undefined;
  const stored = await secretVersionTable.get(dependencies.store, secretVersionKey(secret.name, version.id));
  if (stored === undefined) return undefined;
  return (await openSecretValue(dependencies, { name: secret.name, versionId: version.id }, stored)).data;
}

/** Stores what the hook is to set, before it is asked. A pending version of another id gives its value to this one. */
async function storePending(
  rotation: Rotation,
  sealed: SecretVersionRecord,
  waiting: string | undefined,
): Promise<void> {
  const { dependencies, found, versionId } = rotation;
  const createTime = dependencies.clock.now();
  await dependencies.store.transact(async (transaction) => {
    const secret = await loadLiveSecret(transaction, found);
    const earlier = versionWithStage(secret, pendingStage);
    if (earlier !== undefined && waiting === undefined) {
      throw new ApiError('ServiceUnavailableTemporary', 'The secret is being rotated. Try again.');
    }
    const dropped = addSecretVersion(secret, { id: versionId, createTime }, [pendingStage]);
    if (earlier !== undefined) dropped.push(dropSecretVersion(secret, earlier.id));
    await write(transaction, secret, versionId, sealed, dropped);
  });
}

/** Makes the version current, with the value given or the one that is stored as pending. */
async function finish(
  { dependencies, found, versionId }: Rotation,
  sealed?: SecretVersionRecord,
  besides?: (transaction: Transaction, secret: SecretRecord) => Promise<void>,
): Promise<void> {
  const now = dependencies.clock.now();
  await dependencies.store.transact(async (transaction) => {
    const secret = await loadLiveSecret(transaction, found);
    const isStored = secret.versions.some(({ id }) => id === versionId);
    // Another call with this id was faster: its value is the one that counts.
    if (sealed !== undefined && isStored) return;
    await besides?.(transaction, secret);
    const dropped = isStored ? [] : addSecretVersion(secret, { id: versionId, createTime: now }, []);
    moveStage(secret, currentStage, versionId);
    if (versionWithStage(secret, pendingStage)?.id === versionId) removeStage(secret, pendingStage);
    noteRotation(secret, now);
    await write(transaction, secret, versionId, sealed, dropped);
  });
}

async function write(
  transaction: Transaction,
  secret: SecretRecord,
  versionId: string,
  sealed: SecretVersionRecord | undefined,
  dropped: readonly string[],
): Promise<void> {
  if (sealed !== undefined) await secretVersionTable.put(transaction, secretVersionKey(secret.name, versionId), sealed);
  for (const id of dropped) await secretVersionTable.delete(transaction, secretVersionKey(secret.name, id));
  await secretTable.put(transaction, secret.name, secret);
}

async function change(
  { store }: KmsDependencies,
  found: SecretLookup,
  edit: (secret: SecretRecord) => void,
): Promise<void> {
  await store.transact(async (transaction) => {
    const secret = await secretTable.get(transaction, found.name);
    if (secret === undefined || secret.secretId !== found.secret?.secretId) return;
    edit(secret);
    await secretTable.put(transaction, secret.name, secret);
  });
}
