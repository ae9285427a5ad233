import { z } from 'zod';
import { uuidV4 } from '../crypto/uuid.ts';
import { ApiError } from '../lib/errors.ts';
import type { AccessRequest } from '../policy/decision.ts';
import type { IssuedAccessKey } from '../ports/access-key-issuer.ts';
import { sharedScope, type KmsDependencies } from './dependencies.ts';
import type { SecretRecord, SecretType } from './records/secret.ts';
import { generateValue, jsonObject, type SecretGenerator } from './secret-generator.ts';
import { autoText, extendedConfig, secretNameRule, secretValue } from './secret-parameters.ts';
import { managedTypeOf, type ExtendedConfig, type InitialValues } from './secret-types.ts';
import type { SecretValue } from './secret-value.ts';
import { currentStage, previousStage } from './secret-versions.ts';

const maxConfigCharacters = 1024;

/** `ExtendedConfig` of a new secret, as JSON text or as the map itself; {@link checkedConfig} reads it. */
export function configText(): z.ZodType {
  const short = (given: unknown): boolean =>
    (typeof given === 'string' ? given : JSON.stringify(given)).length <= maxConfigCharacters;
  return z
    .union([z.string(), z.record(z.string(), z.unknown())])
    .refine(short, `It must be at most ${maxConfigCharacters} characters.`);
}

/** ExtendedConfig as the type has it. Throws `InvalidParameter`, naming the fields. */
export function checkedConfig(type: SecretType, given: unknown): ExtendedConfig {
  const managed = managedTypeOf(type);
  if (managed === undefined) {
    if (given === undefined) return {};
    const generic = extendedConfig().safeParse(given);
    if (generic.success) return jsonObject(generic.data) ?? {};
    throw new ApiError('InvalidParameter', `The parameter ExtendedConfig is not valid. ${messageOf(generic.error)}`);
  }
  const result = managed.config.safeParse(typeof given === 'string' ? jsonObject(given) : given);
  if (result.success) return result.data;
  const fields = [...new Set(result.error.issues.flatMap(({ path }) => (path.length === 0 ? [] : [String(path[0])])))];
  const which =
    fields.length === 0
      ? 'a JSON object with the fields of the type and no others'
      : `an object whose ${fields.join(', ')} the type allows`;
  throw new ApiError(
    'InvalidParameter',
    `The parameter ExtendedConfig must be ${which}, for a secret of type ${type}.`,
  );
}

function messageOf(error: z.ZodError): string {
  return error.issues[0]?.message ?? '';
}

/** The name as the type has it. Names that begin with `acs/` belong to managed types. */
export function checkedName(type: SecretType, name: string, config: ExtendedConfig): string {
  const { namePrefix, autoName } = managedTypeOf(type) ?? {};
  if (name === autoText) {
    if (autoName !== undefined) return autoName(config);
    throw new ApiError(
      'InvalidParameter',
      `The parameter SecretName must be a name: secrets of type ${type} have none of their own.`,
    );
  }
  const isRight = namePrefix === undefined ? !name.startsWith('acs/') : name.startsWith(namePrefix);
  if (isRight) return name;
  if (namePrefix === undefined) {
    throw new ApiError('InvalidParameter', `The parameter SecretName is not valid. It must be ${secretNameRule}.`);
  }
  const message = `The parameter SecretName must begin with ${namePrefix} for a secret of type ${type}.`;
  throw new ApiError('InvalidParameter', message);
}

/** What a secret of type RAMCredentials needs besides: the right to make access keys for its user. */
export function userAccess({ accountId }: KmsDependencies, type: SecretType, config: ExtendedConfig): AccessRequest[] {
  if (type !== 'RAMCredentials') return [];
  const resource = `acs:ram::${accountId}:user/${String(config['UserName'])}`;
  return [{ action: 'ram:CreateAccessKey', resource, scope: sharedScope }];
}

/** A first version: its id, its stage and its value. */
export interface FirstVersion {
  readonly id: string;
  readonly stage: string;
  readonly value: SecretValue;
}

interface Given {
  readonly VersionId: string;
  readonly SecretData?: string | undefined;
  readonly SecretDataType: SecretValue['dataType'];
  readonly SecretDataGenerator?: SecretGenerator | undefined;
}

/** The first versions of a secret: what the caller gave, or what is made for him. Two where two accounts take turns. */
export async function firstValues(
  dependencies: KmsDependencies,
  secret: SecretRecord,
  given: Given,
  config: ExtendedConfig,
): Promise<FirstVersion[]> {
  const managed = managedTypeOf(secret.secretType);
  if (managed === undefined)
    return [{ id: given.VersionId, stage: currentStage, value: genericValue(dependencies, given) }];
  if (given.SecretData === undefined || given.SecretDataGenerator !== undefined || given.SecretDataType !== 'text') {
    throw new ApiError(
      'InvalidParameter',
      `A secret of type ${secret.secretType} takes SecretData of SecretDataType text, and no SecretDataGenerator.`,
    );
  }
  const initial = await managed.initial(given.SecretData, config, dependencies.random);
  if (secret.secretType === 'RAMCredentials') await assertOwned(dependencies, initial, config);
  const second =
    initial.previous === undefined
      ? []
      : [{ id: uuidV4(dependencies.random), stage: previousStage, data: initial.previous }];
  const versions = [...second, { id: given.VersionId, stage: currentStage, data: initial.current }];
  if (initial.isMadeUp === true) await setMadeUp(dependencies, secret, versions, config);
  return versions.map(({ id, stage, data }) => ({ id, stage, value: secretValue(data, 'text') }));
}

/** Exactly one of the two. */
function genericValue(
  { random }: KmsDependencies,
  { SecretData, SecretDataType, SecretDataGenerator }: Given,
): SecretValue {
  if (SecretData !== undefined && SecretDataGenerator === undefined) return secretValue(SecretData, SecretDataType);
  if (SecretData === undefined && SecretDataGenerator !== undefined) {
    return secretValue(generateValue(random, SecretDataGenerator), 'text');
  }
  if (SecretData === undefined) throw new ApiError('MissingParameter', 'CreateSecret needs the parameter SecretData.');
  throw new ApiError('InvalidParameter', 'Give SecretData or SecretDataGenerator, not both.');
}

/** Whoever puts an access key into a secret that rotates it must have it: the key, and its right secret. */
async function assertOwned(
  { accessKeys, store }: KmsDependencies,
  initial: InitialValues,
  config: ExtendedConfig,
): Promise<void> {
  if (accessKeys === undefined) {
    throw new ApiError('UnsupportedOperation', 'This installation has no RAM whose access keys a secret could hold.');
  }
  const { AccessKeyId, AccessKeySecret } = jsonObject(initial.current) ?? {};
  const key: IssuedAccessKey = { accessKeyId: String(AccessKeyId), secret: String(AccessKeySecret) };
  if (await accessKeys.owns(store, String(config['UserName']), key)) return;
  throw new ApiError(
    'InvalidParameter',
    'The parameter SecretData must hold an access key of the RAM user in ExtendedConfig, with its secret.',
  );
}

/** Has the hook set what `$Auto` stands for, before anything is stored. */
async function setMadeUp(
  { rotationHook }: KmsDependencies,
  { name: secretName, secretType }: SecretRecord,
  versions: readonly { id: string; data: string }[],
  config: ExtendedConfig,
): Promise<void> {
  if (rotationHook === undefined) {
    throw new ApiError(
      'UnsupportedOperation',
      `SecretData ${autoText} needs a rotation hook, and this installation has none. Give the accounts.`,
    );
  }
  for (const { id: versionId, data: pending } of versions) {
    const request = { secretName, secretType, extendedConfig: config, versionId, pending };
    await rotationHook.apply(request, AbortSignal.timeout(hookTimeoutMs));
  }
}

const hookTimeoutMs = 30_000;
