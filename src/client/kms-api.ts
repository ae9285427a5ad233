import type { AccessPointOperations } from './access-point-operations.ts';
import type { CryptoOperations } from './crypto-operations.ts';
import type { KeyOperations } from './key-operations.ts';
import type { SecretOperations } from './secret-operations.ts';
import type { StsOperations } from './sts-operations.ts';

/** Every action of KMS that has a typed method. */
export interface KmsOperations extends KeyOperations, CryptoOperations, SecretOperations, AccessPointOperations {}

/** Products that answer on one endpoint. */
export type Product = 'Kms' | 'Sts' | 'Ram' | 'Ims';

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Milliseconds for the call with its retries; the client's own unless given. */
  deadlineMs?: number | undefined;
}

type In<K extends keyof KmsOperations> = KmsOperations[K]['input'];
type Out<K extends keyof KmsOperations> = Promise<KmsOperations[K]['output']>;

/** A typed method for each action of {@link KmsOperations} and {@link StsOperations}, over one `call`. */
export abstract class KmsApi {
  /** Calls an action by name. Rejects with KmsClientError. */
  abstract call(
    product: Product,
    action: string,
    parameters: Readonly<Record<string, unknown>>,
    options?: CallOptions,
  ): Promise<Record<string, unknown>>;

  /** The server is of the same version family as this table, so its answer is taken to have the documented fields. */
  #kms<K extends keyof KmsOperations>(action: K, input: In<K>, options?: CallOptions): Out<K> {
    return this.call('Kms', action, input, options) as unknown as Out<K>;
  }

  getCallerIdentity(options?: CallOptions): Promise<StsOperations['GetCallerIdentity']['output']> {
    return this.call('Sts', 'GetCallerIdentity', {}, options) as unknown as Promise<
      StsOperations['GetCallerIdentity']['output']
    >;
  }

  assumeRole(
    input: StsOperations['AssumeRole']['input'],
    options?: CallOptions,
  ): Promise<StsOperations['AssumeRole']['output']> {
    return this.call('Sts', 'AssumeRole', input, options) as unknown as Promise<StsOperations['AssumeRole']['output']>;
  }

  createKey(input: In<'CreateKey'>, options?: CallOptions): Out<'CreateKey'> {
    return this.#kms('CreateKey', input, options);
  }
  describeKey(input: In<'DescribeKey'>, options?: CallOptions): Out<'DescribeKey'> {
    return this.#kms('DescribeKey', input, options);
  }
  listKeys(input: In<'ListKeys'>, options?: CallOptions): Out<'ListKeys'> {
    return this.#kms('ListKeys', input, options);
  }
  enableKey(input: In<'EnableKey'>, options?: CallOptions): Out<'EnableKey'> {
    return this.#kms('EnableKey', input, options);
  }
  disableKey(input: In<'DisableKey'>, options?: CallOptions): Out<'DisableKey'> {
    return this.#kms('DisableKey', input, options);
  }
  scheduleKeyDeletion(input: In<'ScheduleKeyDeletion'>, options?: CallOptions): Out<'ScheduleKeyDeletion'> {
    return this.#kms('ScheduleKeyDeletion', input, options);
  }
  cancelKeyDeletion(input: In<'CancelKeyDeletion'>, options?: CallOptions): Out<'CancelKeyDeletion'> {
    return this.#kms('CancelKeyDeletion', input, options);
  }
  updateKeyDescription(input: In<'UpdateKeyDescription'>, options?: CallOptions): Out<'UpdateKeyDescription'> {
    return this.#kms('UpdateKeyDescription', input, options);
  }
  updateRotationPolicy(input: In<'UpdateRotationPolicy'>, options?: CallOptions): Out<'UpdateRotationPolicy'> {
    return this.#kms('UpdateRotationPolicy', input, options);
  }
  setDeletionProtection(input: In<'SetDeletionProtection'>, options?: CallOptions): Out<'SetDeletionProtection'> {
    return this.#kms('SetDeletionProtection', input, options);
  }
  createKeyVersion(input: In<'CreateKeyVersion'>, options?: CallOptions): Out<'CreateKeyVersion'> {
    return this.#kms('CreateKeyVersion', input, options);
  }
  listKeyVersions(input: In<'ListKeyVersions'>, options?: CallOptions): Out<'ListKeyVersions'> {
    return this.#kms('ListKeyVersions', input, options);
  }
  setKeyPolicy(input: In<'SetKeyPolicy'>, options?: CallOptions): Out<'SetKeyPolicy'> {
    return this.#kms('SetKeyPolicy', input, options);
  }
  getKeyPolicy(input: In<'GetKeyPolicy'>, options?: CallOptions): Out<'GetKeyPolicy'> {
    return this.#kms('GetKeyPolicy', input, options);
  }
  createAlias(input: In<'CreateAlias'>, options?: CallOptions): Out<'CreateAlias'> {
    return this.#kms('CreateAlias', input, options);
  }
  updateAlias(input: In<'UpdateAlias'>, options?: CallOptions): Out<'UpdateAlias'> {
    return this.#kms('UpdateAlias', input, options);
  }
  deleteAlias(input: In<'DeleteAlias'>, options?: CallOptions): Out<'DeleteAlias'> {
    return this.#kms('DeleteAlias', input, options);
  }
  listAliases(input: In<'ListAliases'>, options?: CallOptions): Out<'ListAliases'> {
    return this.#kms('ListAliases', input, options);
  }
  listAliasesByKeyId(input: In<'ListAliasesByKeyId'>, options?: CallOptions): Out<'ListAliasesByKeyId'> {
    return this.#kms('ListAliasesByKeyId', input, options);
  }
  tagResource(input: In<'TagResource'>, options?: CallOptions): Out<'TagResource'> {
    return this.#kms('TagResource', input, options);
  }
  untagResource(input: In<'UntagResource'>, options?: CallOptions): Out<'UntagResource'> {
    return this.#kms('UntagResource', input, options);
  }
  listResourceTags(input: In<'ListResourceTags'>, options?: CallOptions): Out<'ListResourceTags'> {
    return this.#kms('ListResourceTags', input, options);
  }
  encrypt(input: In<'Encrypt'>, options?: CallOptions): Out<'Encrypt'> {
    return this.#kms('Encrypt', input, options);
  }
  decrypt(input: In<'Decrypt'>, options?: CallOptions): Out<'Decrypt'> {
    return this.#kms('Decrypt', input, options);
  }
  reEncrypt(input: In<'ReEncrypt'>, options?: CallOptions): Out<'ReEncrypt'> {
    return this.#kms('ReEncrypt', input, options);
  }
  generateDataKey(input: In<'GenerateDataKey'>, options?: CallOptions): Out<'GenerateDataKey'> {
    return this.#kms('GenerateDataKey', input, options);
  }
  generateDataKeyWithoutPlaintext(
    input: In<'GenerateDataKeyWithoutPlaintext'>,
    options?: CallOptions,
  ): Out<'GenerateDataKeyWithoutPlaintext'> {
    return this.#kms('GenerateDataKeyWithoutPlaintext', input, options);
  }
  asymmetricSign(input: In<'AsymmetricSign'>, options?: CallOptions): Out<'AsymmetricSign'> {
    return this.#kms('AsymmetricSign', input, options);
  }
  asymmetricVerify(input: In<'AsymmetricVerify'>, options?: CallOptions): Out<'AsymmetricVerify'> {
    return this.#kms('AsymmetricVerify', input, options);
  }
  asymmetricEncrypt(input: In<'AsymmetricEncrypt'>, options?: CallOptions): Out<'AsymmetricEncrypt'> {
    return this.#kms('AsymmetricEncrypt', input, options);
  }
  asymmetricDecrypt(input: In<'AsymmetricDecrypt'>, options?: CallOptions): Out<'AsymmetricDecrypt'> {
    return this.#kms('AsymmetricDecrypt', input, options);
  }
  getPublicKey(input: In<'GetPublicKey'>, options?: CallOptions): Out<'GetPublicKey'> {
    return this.#kms('GetPublicKey', input, options);
  }
  createSecret(input: In<'CreateSecret'>, options?: CallOptions): Out<'CreateSecret'> {
    return this.#kms('CreateSecret', input, options);
  }
  describeSecret(input: In<'DescribeSecret'>, options?: CallOptions): Out<'DescribeSecret'> {
    return this.#kms('DescribeSecret', input, options);
  }
  listSecrets(input: In<'ListSecrets'>, options?: CallOptions): Out<'ListSecrets'> {
    return this.#kms('ListSecrets', input, options);
  }
  getSecretValue(input: In<'GetSecretValue'>, options?: CallOptions): Out<'GetSecretValue'> {
    return this.#kms('GetSecretValue', input, options);
  }
  waitSecretChanges(input: In<'WaitSecretChanges'>, options?: CallOptions): Out<'WaitSecretChanges'> {
    return this.#kms('WaitSecretChanges', input, options);
  }
  listSecretConsumers(input: In<'ListSecretConsumers'>, options?: CallOptions): Out<'ListSecretConsumers'> {
    return this.#kms('ListSecretConsumers', input, options);
  }
  putSecretValue(input: In<'PutSecretValue'>, options?: CallOptions): Out<'PutSecretValue'> {
    return this.#kms('PutSecretValue', input, options);
  }
  updateSecret(input: In<'UpdateSecret'>, options?: CallOptions): Out<'UpdateSecret'> {
    return this.#kms('UpdateSecret', input, options);
  }
  deleteSecret(input: In<'DeleteSecret'>, options?: CallOptions): Out<'DeleteSecret'> {
    return this.#kms('DeleteSecret', input, options);
  }
  restoreSecret(input: In<'RestoreSecret'>, options?: CallOptions): Out<'RestoreSecret'> {
    return this.#kms('RestoreSecret', input, options);
  }
  rotateSecret(input: In<'RotateSecret'>, options?: CallOptions): Out<'RotateSecret'> {
    return this.#kms('RotateSecret', input, options);
  }
  listSecretVersionIds(input: In<'ListSecretVersionIds'>, options?: CallOptions): Out<'ListSecretVersionIds'> {
    return this.#kms('ListSecretVersionIds', input, options);
  }
  updateSecretVersionStage(
    input: In<'UpdateSecretVersionStage'>,
    options?: CallOptions,
  ): Out<'UpdateSecretVersionStage'> {
    return this.#kms('UpdateSecretVersionStage', input, options);
  }
  getRandomPassword(input: In<'GetRandomPassword'>, options?: CallOptions): Out<'GetRandomPassword'> {
    return this.#kms('GetRandomPassword', input, options);
  }
  setSecretPolicy(input: In<'SetSecretPolicy'>, options?: CallOptions): Out<'SetSecretPolicy'> {
    return this.#kms('SetSecretPolicy', input, options);
  }
  getSecretPolicy(input: In<'GetSecretPolicy'>, options?: CallOptions): Out<'GetSecretPolicy'> {
    return this.#kms('GetSecretPolicy', input, options);
  }
  createNetworkRule(input: In<'CreateNetworkRule'>, options?: CallOptions): Out<'CreateNetworkRule'> {
    return this.#kms('CreateNetworkRule', input, options);
  }
  updateNetworkRule(input: In<'UpdateNetworkRule'>, options?: CallOptions): Out<'UpdateNetworkRule'> {
    return this.#kms('UpdateNetworkRule', input, options);
  }
  describeNetworkRule(input: In<'DescribeNetworkRule'>, options?: CallOptions): Out<'DescribeNetworkRule'> {
    return this.#kms('DescribeNetworkRule', input, options);
  }
  deleteNetworkRule(input: In<'DeleteNetworkRule'>, options?: CallOptions): Out<'DeleteNetworkRule'> {
    return this.#kms('DeleteNetworkRule', input, options);
  }
  listNetworkRules(input: In<'ListNetworkRules'>, options?: CallOptions): Out<'ListNetworkRules'> {
    return this.#kms('ListNetworkRules', input, options);
  }
  createPolicy(input: In<'CreatePolicy'>, options?: CallOptions): Out<'CreatePolicy'> {
    return this.#kms('CreatePolicy', input, options);
  }
  updatePolicy(input: In<'UpdatePolicy'>, options?: CallOptions): Out<'UpdatePolicy'> {
    return this.#kms('UpdatePolicy', input, options);
  }
  describePolicy(input: In<'DescribePolicy'>, options?: CallOptions): Out<'DescribePolicy'> {
    return this.#kms('DescribePolicy', input, options);
  }
  deletePolicy(input: In<'DeletePolicy'>, options?: CallOptions): Out<'DeletePolicy'> {
    return this.#kms('DeletePolicy', input, options);
  }
  listPolicies(input: In<'ListPolicies'>, options?: CallOptions): Out<'ListPolicies'> {
    return this.#kms('ListPolicies', input, options);
  }
  createApplicationAccessPoint(
    input: In<'CreateApplicationAccessPoint'>,
    options?: CallOptions,
  ): Out<'CreateApplicationAccessPoint'> {
    return this.#kms('CreateApplicationAccessPoint', input, options);
  }
  updateApplicationAccessPoint(
    input: In<'UpdateApplicationAccessPoint'>,
    options?: CallOptions,
  ): Out<'UpdateApplicationAccessPoint'> {
    return this.#kms('UpdateApplicationAccessPoint', input, options);
  }
  describeApplicationAccessPoint(
    input: In<'DescribeApplicationAccessPoint'>,
    options?: CallOptions,
  ): Out<'DescribeApplicationAccessPoint'> {
    return this.#kms('DescribeApplicationAccessPoint', input, options);
  }
  deleteApplicationAccessPoint(
    input: In<'DeleteApplicationAccessPoint'>,
    options?: CallOptions,
  ): Out<'DeleteApplicationAccessPoint'> {
    return this.#kms('DeleteApplicationAccessPoint', input, options);
  }
  listApplicationAccessPoints(
    input: In<'ListApplicationAccessPoints'>,
    options?: CallOptions,
  ): Out<'ListApplicationAccessPoints'> {
    return this.#kms('ListApplicationAccessPoints', input, options);
  }
  createClientKey(input: In<'CreateClientKey'>, options?: CallOptions): Out<'CreateClientKey'> {
    return this.#kms('CreateClientKey', input, options);
  }
  getClientKey(input: In<'GetClientKey'>, options?: CallOptions): Out<'GetClientKey'> {
    return this.#kms('GetClientKey', input, options);
  }
  listClientKeys(input: In<'ListClientKeys'>, options?: CallOptions): Out<'ListClientKeys'> {
    return this.#kms('ListClientKeys', input, options);
  }
  deleteClientKey(input: In<'DeleteClientKey'>, options?: CallOptions): Out<'DeleteClientKey'> {
    return this.#kms('DeleteClientKey', input, options);
  }
}
