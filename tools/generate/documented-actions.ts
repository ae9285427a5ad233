// SPDX-License-Identifier: Apache-2.0
/** An action that Alibaba Cloud KMS (2016-01-20) documents, or that one of its SDKs still has. */
export interface DocumentedAction {
  readonly name: string;
  readonly parameters: readonly string[];
}

/** One action a line: its name, then its parameters. */
const table = `
AdvanceEncrypt EncryptionContext KeyId Plaintext
AsymmetricDecrypt Algorithm CiphertextBlob DryRun KeyId KeyVersionId
AsymmetricEncrypt Algorithm DryRun KeyId KeyVersionId Plaintext
AsymmetricSign Algorithm Digest DryRun KeyId KeyVersionId
AsymmetricVerify Algorithm Digest DryRun KeyId KeyVersionId Value
BatchGetSecretValue SecretsList
CancelKeyDeletion KeyId
CertificatePrivateKeyDecrypt Algorithm CertificateId CiphertextBlob
CertificatePrivateKeySign Algorithm CertificateId Message MessageType
CertificatePublicKeyEncrypt Algorithm CertificateId Plaintext
CertificatePublicKeyVerify Algorithm CertificateId Message MessageType SignatureValue
ConnectKmsInstance KMProvider KmsInstanceId VSwitchIds VpcId ZoneIds
CreateAlias AliasName KeyId
CreateApplicationAccessPoint AuthenticationMethod Description Name Policies
CreateCertificate ExportablePrivateKey KeySpec ProtectionLevel Subject SubjectAlternativeNames
CreateClientKey AapName NotAfter NotBefore Password
CreateKey DKMSInstanceId Description EnableAutomaticRotation KeySpec KeyStorageMechanism KeyUsage Origin Policy ProtectionLevel RotationInterval Tags
CreateKeyVersion KeyId
CreateNetworkRule Description Name SourcePrivateIp Type
CreatePolicy AccessControlRules Description KmsInstance Name Permissions Resources
CreateSecret DKMSInstanceId Description EnableAutomaticRotation EncryptionKeyId ExtendedConfig Policy RotationInterval SecretData SecretDataType SecretName SecretType Tags VersionId
Decrypt CiphertextBlob DryRun EncryptionContext Recipient
DeleteAlias AliasName
DeleteApplicationAccessPoint Name
DeleteCertificate CertificateId
DeleteClientKey ClientKeyId
DeleteKeyMaterial KeyId
DeleteNetworkRule Name
DeletePolicy Name
DeleteSecret ForceDeleteWithoutRecovery RecoveryWindowInDays SecretName
DescribeAccountKmsStatus
DescribeApplicationAccessPoint Name
DescribeCertificate CertificateId
DescribeKey KeyId
DescribeKeyVersion KeyId KeyVersionId
DescribeNetworkRule Name
DescribePolicy Name
DescribeRegions
DescribeSecret FetchTags SecretName
DescribeService
DisableKey KeyId
EnableKey KeyId
Encrypt DryRun EncryptionContext KeyId Plaintext
ExportDataKey CiphertextBlob DryRun EncryptionContext PublicKeyBlob WrappingAlgorithm WrappingKeySpec
GenerateAndExportDataKey DryRun EncryptionContext KeyId KeySpec NumberOfBytes PublicKeyBlob WrappingAlgorithm WrappingKeySpec
GenerateDataKey DryRun EncryptionContext KeyId KeySpec NumberOfBytes Recipient
GenerateDataKeyWithoutPlaintext DryRun EncryptionContext KeyId KeySpec NumberOfBytes
GenerateMac Algorithm DryRun KeyId Message
GetCertificate CertificateId
GetClientKey ClientKeyId
GetDefaultKmsInstance
GetKeyPolicy KeyId PolicyName
GetKmsInstance KmsInstanceId
GetKmsInstanceQuotaInfos KmsInstanceId ResourceType
GetManagedDataKey DataKeyName DataKeyVersionId UseLatest
GetParametersForImport KeyId WrappingAlgorithm WrappingKeySpec
GetPublicKey DryRun KeyId KeyVersionId
GetRandomPassword ExcludeCharacters ExcludeLowercase ExcludeNumbers ExcludePunctuation ExcludeUppercase PasswordLength RequireEachIncludedType
GetSecretPolicy PolicyName SecretName
GetSecretValue DryRun FetchExtendedConfig SecretName VersionId VersionStage
ImportKeyMaterial EncryptedKeyMaterial ImportToken KeyId KeyMaterialExpireUnix
ListAliases PageNumber PageSize
ListAliasesByKeyId KeyId PageNumber PageSize
ListApplicationAccessPoints PageNumber PageSize
ListClientKeys AapName
ListKeyVersions KeyId PageNumber PageSize
ListKeys Filters PageNumber PageSize
ListKmsInstances Filters PageNumber PageSize
ListManagedDataKeyVersions DataKeyName PageNumber PageSize
ListNetworkRules PageNumber PageSize
ListPolicies PageNumber PageSize
ListResourceTags KeyId
ListSecretVersionIds IncludeDeprecated PageNumber PageSize SecretName
ListSecrets FetchTags Filters PageNumber PageSize
ListTagResources NextToken RegionId ResourceId ResourceType Tag
OpenKmsService
PutSecretValue SecretData SecretDataType SecretName VersionId VersionStages
ReEncrypt CiphertextBlob DestinationEncryptionContext DestinationKeyId DryRun SourceEncryptionAlgorithm SourceEncryptionContext SourceKeyId SourceKeyVersionId
ReleaseKmsInstance ForceDeleteWithoutBackup KmsInstanceId
RestoreSecret SecretName
RotateSecret SecretName VersionId
ScheduleKeyDeletion KeyId PendingWindowInDays
SetDeletionProtection DeletionProtectionDescription EnableDeletionProtection KeyId KmsInstanceId ProtectedResourceArn
SetKeyPolicy KeyId Policy PolicyName
SetSecretPolicy Policy PolicyName SecretName
TagResource CertificateId KeyId SecretName Tags
TagResources RegionId ResourceId ResourceType Tag
UntagResource CertificateId KeyId SecretName TagKeys
UntagResources All RegionId ResourceId ResourceType TagKey
UpdateAlias AliasName KeyId
UpdateApplicationAccessPoint Description Name Policies
UpdateCertificateStatus CertificateId Status
UpdateKeyDescription Description KeyId
UpdateKmsInstanceBindVpc BindVpcs KmsInstanceId
UpdateNetworkRule Description Name SourcePrivateIp
UpdatePolicy AccessControlRules Description Name Permissions Resources
UpdateRotationPolicy EnableAutomaticRotation KeyId RotationInterval
UpdateSecret ExtendedConfig Description SecretName
UpdateSecretRotationPolicy EnableAutomaticRotation RotationInterval SecretName
UpdateSecretVersionStage MoveToVersion RemoveFromVersion SecretName VersionStage
UploadCertificate Certificate CertificateChain CertificateId
VerifyMac Algorithm DryRun KeyId Mac Message
`;

/** Every documented action, in the order of their names. */
export const documentedActions: readonly DocumentedAction[] = table
  .trim()
  .split('\n')
  .map((line) => {
    const [name = '', ...parameters] = line.split(' ');
    return { name, parameters };
  });
