import { z } from 'zod';
import { uuidV4 } from '../../../crypto/uuid.ts';
import { ApiError } from '../../../lib/errors.ts';
import type { AccessRequest } from '../../../policy/decision.ts';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import { containerArn, resourceArn } from '../../arn.ts';
import { sharedScope, type KmsDependencies } from '../../dependencies.ts';
import { providerOfScope } from '../../instance.ts';
import { usableKey } from '../../key-encryption.ts';
import { findKey, keyAccess, type KeyLookup } from '../../key-lookup.ts';
import { description, flag, keyReference, oneOf, optional, text, withDefault } from '../../parameters.ts';
import type { Reader } from '../../records/record-table.ts';
import { secretTable, type SecretRecord, type SecretType } from '../../records/secret.ts';
import { secretVersionKey, secretVersionTable } from '../../records/secret-version.ts';
import { assertResourcePolicy, policyText } from '../../resource-policy.ts';
import { intervalText } from '../../rotation.ts';
import { checkedConfig, checkedName, configText, firstValues, userAccess } from '../../secret-creation.ts';
import { secretGenerator } from '../../secret-generator.ts';
import { newSecretName, secretData, secretDataType, versionId } from '../../secret-parameters.ts';
import { rotationFields, secretInterval, startRotation } from '../../secret-rotation.ts';
import { rotatorOf } from '../../secret-rotator.ts';
import type { ExtendedConfig } from '../../secret-types.ts';
import { sealSecretValue } from '../../secret-value.ts';
import { addSecretVersion } from '../../secret-versions.ts';
import { addTags, tagPairs } from '../../tags.ts';

const input = z.object({
  SecretName: newSecretName(),
  SecretData: optional(secretData()),
  /** Kaap's own, for generic secrets: the value is made here, and made anew by rotation. No caller ever holds it. */
  SecretDataGenerator: optional(secretGenerator()),
  SecretDataType: secretDataType(),
  SecretType: withDefault(
    oneOf<SecretType>(['Generic', 'Rds', 'PolarDB', 'Redis', 'RAMCredentials', 'ECS']),
    'Generic',
  ),
  VersionId: versionId(),
  DKMSInstanceId: withDefault(text({ max: 64 }), sharedScope),
  EncryptionKeyId: optional(keyReference()),
  Description: withDefault(description(), ''),
  ExtendedConfig: optional(configText()),
  EnableAutomaticRotation: withDefault(flag(), false),
  RotationInterval: optional(intervalText()),
  Policy: optional(policyText()),
  Tags: withDefault(tagPairs(), []),
});
type Input = z.infer<typeof input>;

/**
 * KMS CreateSecret. The first version gets the stage ACSCurrent. A secret of type RAMCredentials needs, besides, the right to
 * make access keys for its RAM user: whoever reads it after a rotation is that user.
 */
export function createSecret(dependencies: KmsDependencies): AnyAction {
  return defineAction<Input>({
    name: 'CreateSecret',
    product: 'Kms',
    input,
    plan: async (parameters) => {
      const { DKMSInstanceId: scope, EncryptionKeyId } = parameters;
      const config = checkedConfig(parameters.SecretType, parameters.ExtendedConfig);
      const access: AccessRequest[] = [
        { action: 'kms:CreateSecret', resource: containerArn(dependencies, 'secret'), scope },
        ...userAccess(dependencies, parameters.SecretType, config),
      ];
      const run = (found?: KeyLookup): Promise<Record<string, unknown>> =>
        create(dependencies, parameters, config, found);
      if (EncryptionKeyId === undefined) return { access, run };
      const found = await findKey(dependencies, dependencies.store, EncryptionKeyId);
      return { access: [...access, keyAccess(dependencies, 'kms:GenerateDataKey', found)], run: () => run(found) };
    },
  });
}

async function create(
  dependencies: KmsDependencies,
  parameters: Input,
  config: ExtendedConfig,
  key: KeyLookup | undefined,
): Promise<Record<string, unknown>> {
  const secret = await draftSecret(dependencies, parameters, config, key);
  await assertFree(dependencies.store, secret.name);
  const values = await firstValues(dependencies, secret, parameters, config);
  const sealed = await Promise.all(
    values.map(async ({ id, stage, value }) => {
      addSecretVersion(secret, { id, createTime: secret.createTime }, [stage]);
      return { id, record: await sealSecretValue(dependencies, secret, { name: secret.name, versionId: id }, value) };
    }),
  );
  await dependencies.store.transact(async (transaction) => {
    await assertFree(transaction, secret.name);
    await secretTable.put(transaction, secret.name, secret);
    for (const { id, record } of sealed) {
      await secretVersionTable.put(transaction, secretVersionKey(secret.name, id), record);
    }
  });
  const { LastRotationDate: _, ...rotation } = rotationFields(secret);
  return {
    Arn: resourceArn(dependencies, 'secret', secret.name),
    ...rotation,
    DKMSInstanceId: secret.scope === sharedScope ? '' : secret.scope,
    ExtendedConfig: secret.extendedConfig ?? '',
    SecretName: secret.name,
    SecretType: secret.secretType,
    VersionId: parameters.VersionId,
  };
}

async function draftSecret(
  dependencies: KmsDependencies,
  parameters: Input,
  config: ExtendedConfig,
  found: KeyLookup | undefined,
): Promise<SecretRecord> {
  const { DKMSInstanceId: scope, SecretDataGenerator: generator, Policy: policy } = parameters;
  providerOfScope(dependencies, scope);
  if (policy !== undefined) assertResourcePolicy(policy);
  const encryptionKeyId = found === undefined ? undefined : await encryptionKeyOf(dependencies, found, scope);
  const now = dependencies.clock.now();
  const secret: SecretRecord = {
    name: checkedName(parameters.SecretType, parameters.SecretName, config),
    secretId: uuidV4(dependencies.random),
    scope,
    secretType: parameters.SecretType,
    description: parameters.Description,
    createTime: now,
    updateTime: now,
    versions: [],
    tags: addTags({}, parameters.Tags),
    ...(encryptionKeyId !== undefined && { encryptionKeyId }),
    ...(parameters.ExtendedConfig !== undefined && { extendedConfig: JSON.stringify(config) }),
    ...(policy !== undefined && { policy }),
    ...(generator !== undefined && { generator }),
  };
  if (parameters.EnableAutomaticRotation) {
    rotatorOf(dependencies, secret);
    startRotation(secret, secretInterval(parameters.RotationInterval), now);
  }
  return secret;
}

async function encryptionKeyOf(dependencies: KmsDependencies, found: KeyLookup, scope: string): Promise<string> {
  const key = await usableKey(dependencies, found);
  if (key.scope === scope) return key.keyId;
  throw new ApiError('InvalidParameter', 'The parameter EncryptionKeyId must name a key of the same KMS instance.');
}

async function assertFree(reader: Reader, name: string): Promise<void> {
  const existing = await secretTable.get(reader, name);
  if (existing === undefined) return;
  if (existing.deletion === undefined) {
    throw new ApiError('Rejected.ResourceExist', `Secret ${name} exists already. Change it with PutSecretValue.`);
  }
  const message = `Secret ${name} is about to be deleted. Keep it with RestoreSecret, or use another name.`;
  throw new ApiError('Rejected.ResourceInDeleteWindow', message);
}
