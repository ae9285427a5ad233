import { z } from 'zod';
import { uuidV4 } from '../../../crypto/uuid.ts';
import { ApiError } from '../../../lib/errors.ts';
import type { Transaction } from '../../../ports/store.ts';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import { containerArn, resourceArn } from '../../arn.ts';
import { sharedScope, type KmsDependencies } from '../../dependencies.ts';
import { providerOfScope } from '../../instance.ts';
import { usableKey } from '../../key-encryption.ts';
import { findKey, keyAccess, type KeyLookup } from '../../key-lookup.ts';
import { description, flag, json, keyReference, oneOf, optional, text, withDefault } from '../../parameters.ts';
import { passwordRules, randomPassword } from '../../random-password.ts';
import { secretTable, type SecretRecord } from '../../records/secret.ts';
import { secretVersionKey, secretVersionTable } from '../../records/secret-version.ts';
import { assertResourcePolicy, policyText } from '../../resource-policy.ts';
import {
  extendedConfig,
  newSecretName,
  secretData,
  secretDataType,
  secretValue,
  versionId,
} from '../../secret-parameters.ts';
import { sealSecretValue, type SecretValue } from '../../secret-value.ts';
import { addSecretVersion, currentStage } from '../../secret-versions.ts';
import { addTags, tagPairs } from '../../tags.ts';

const input = z.object({
  SecretName: newSecretName(),
  SecretData: optional(secretData()),
  /** Kaap's own: JSON of GetRandomPassword's parameters. The value is made here, and no caller ever holds it. */
  SecretDataGenerator: optional(json(passwordRules, "a JSON object of GetRandomPassword's parameters")),
  SecretDataType: secretDataType(),
  SecretType: withDefault(oneOf(['Generic']), 'Generic'),
  VersionId: versionId(),
  DKMSInstanceId: withDefault(text({ max: 64 }), sharedScope),
  EncryptionKeyId: optional(keyReference()),
  Description: withDefault(description(), ''),
  ExtendedConfig: optional(extendedConfig()),
  EnableAutomaticRotation: withDefault(flag(), false),
  Policy: optional(policyText()),
  Tags: withDefault(tagPairs(), []),
});
type Input = z.infer<typeof input>;

/** KMS CreateSecret, for generic secrets. The first version gets the stage ACSCurrent. */
export function createSecret(dependencies: KmsDependencies): AnyAction {
  return defineAction<Input>({
    name: 'CreateSecret',
    product: 'Kms',
    input,
    plan: async (parameters) => {
      const { DKMSInstanceId: scope, EncryptionKeyId } = parameters;
      const access = [{ action: 'kms:CreateSecret', resource: containerArn(dependencies, 'secret'), scope }];
      if (EncryptionKeyId === undefined) return { access, run: () => create(dependencies, parameters, undefined) };
      const found = await findKey(dependencies, dependencies.store, EncryptionKeyId);
      return {
        access: [...access, keyAccess(dependencies, 'kms:GenerateDataKey', found)],
        run: () => create(dependencies, parameters, found),
      };
    },
  });
}

async function create(
  dependencies: KmsDependencies,
  parameters: Input,
  key: KeyLookup | undefined,
): Promise<Record<string, unknown>> {
  const secret = await draftSecret(dependencies, parameters, key);
  const value = firstValue(dependencies, parameters);
  const valueName = { name: secret.name, versionId: parameters.VersionId };
  const sealed = await sealSecretValue(dependencies, secret, valueName, value);
  addSecretVersion(secret, { id: parameters.VersionId, createTime: secret.createTime }, [currentStage]);
  await dependencies.store.transact(async (transaction) => {
    await assertFree(transaction, secret.name);
    await secretTable.put(transaction, secret.name, secret);
    await secretVersionTable.put(transaction, secretVersionKey(secret.name, parameters.VersionId), sealed);
  });
  return {
    Arn: resourceArn(dependencies, 'secret', secret.name),
    AutomaticRotation: 'Disabled',
    DKMSInstanceId: secret.scope === sharedScope ? '' : secret.scope,
    ExtendedConfig: secret.extendedConfig ?? '',
    NextRotationDate: '',
    RotationInterval: '',
    SecretName: secret.name,
    SecretType: secret.secretType,
    VersionId: parameters.VersionId,
  };
}

/** What the caller gave, or what is made for him: exactly one of the two. */
function firstValue({ random }: KmsDependencies, parameters: Input): SecretValue {
  const { SecretData, SecretDataType, SecretDataGenerator } = parameters;
  if (SecretData !== undefined && SecretDataGenerator === undefined) return secretValue(SecretData, SecretDataType);
  if (SecretData === undefined && SecretDataGenerator !== undefined) {
    return secretValue(randomPassword(random, SecretDataGenerator), 'text');
  }
  if (SecretData === undefined) throw new ApiError('MissingParameter', 'CreateSecret needs the parameter SecretData.');
  throw new ApiError('InvalidParameter', 'Give SecretData or SecretDataGenerator, not both.');
}

async function draftSecret(
  dependencies: KmsDependencies,
  parameters: Input,
  found: KeyLookup | undefined,
): Promise<SecretRecord> {
  const scope = parameters.DKMSInstanceId;
  providerOfScope(dependencies, scope);
  if (parameters.EnableAutomaticRotation) {
    throw new ApiError('UnsupportedOperation', 'A generic secret does not rotate by itself. Use PutSecretValue.');
  }
  if (parameters.Policy !== undefined) assertResourcePolicy(parameters.Policy);
  const encryptionKeyId = found === undefined ? undefined : await encryptionKeyOf(dependencies, found, scope);
  const now = dependencies.clock.now();
  return {
    name: parameters.SecretName,
    secretId: uuidV4(dependencies.random),
    scope,
    secretType: parameters.SecretType,
    description: parameters.Description,
    createTime: now,
    updateTime: now,
    versions: [],
    tags: addTags({}, parameters.Tags),
    ...(encryptionKeyId !== undefined && { encryptionKeyId }),
    ...(parameters.ExtendedConfig !== undefined && { extendedConfig: parameters.ExtendedConfig }),
    ...(parameters.Policy !== undefined && { policy: parameters.Policy }),
  };
}

async function encryptionKeyOf(dependencies: KmsDependencies, found: KeyLookup, scope: string): Promise<string> {
  const key = await usableKey(dependencies, found);
  if (key.scope === scope) return key.keyId;
  throw new ApiError('InvalidParameter', 'The parameter EncryptionKeyId must name a key of the same KMS instance.');
}

async function assertFree(transaction: Transaction, name: string): Promise<void> {
  const existing = await secretTable.get(transaction, name);
  if (existing === undefined) return;
  if (existing.deletion === undefined) {
    throw new ApiError('Rejected.ResourceExist', `Secret ${name} exists already. Change it with PutSecretValue.`);
  }
  const message = `Secret ${name} is about to be deleted. Keep it with RestoreSecret, or use another name.`;
  throw new ApiError('Rejected.ResourceInDeleteWindow', message);
}
