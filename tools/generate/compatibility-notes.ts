// SPDX-License-Identifier: Apache-2.0
type Notes = Readonly<Record<string, string>>;

/** How an action that is there differs from the one documented, besides parameters that it does not read. */
export const differences: Notes = {
  CreateApplicationAccessPoint:
    'Besides, takes `AuthenticationConfig`: the service accounts that may use the access point, and the method `RAMRole`.',
  CreateKey: '`Origin` EXTERNAL is refused, and so is `ProtectionLevel` HSM: keys are kept in software.',
  CreateSecret: '`SecretType` is Generic. Automatic rotation is refused.',
  DescribeRegions: 'One region: the one of the configuration.',
  GetKmsInstance:
    'Gives id, name, type, status and the number of keys and secrets: there is nothing to buy, and no VPC.',
  ListResourceTags: 'Besides, takes `SecretName`.',
  UpdateApplicationAccessPoint: 'Besides, takes `AuthenticationConfig`, as CreateApplicationAccessPoint does.',
  UpdateRotationPolicy: 'Stored and shown. Nothing rotates by itself yet; CreateKeyVersion does it by hand.',
};

const noVpc = 'Instances are those of the configuration, with nothing to connect, buy or give back.';
const noImport = 'Key material is not imported yet.';
const noExport = 'Data keys are not exported under a public key yet.';
const noManaged = 'There are no managed data keys yet.';
const noRotation = 'Generic secrets, the only type, do not rotate by themselves. Use PutSecretValue.';
const noCertificates = 'There are no certificates yet.';

/** Why an action is not there. */
export const refusals: Notes = {
  AdvanceEncrypt: 'At the OpenAPI. The instance gateway has it.',
  CertificatePrivateKeyDecrypt: noCertificates,
  CertificatePrivateKeySign: noCertificates,
  CertificatePublicKeyEncrypt: noCertificates,
  CertificatePublicKeyVerify: noCertificates,
  ConnectKmsInstance: noVpc,
  CreateCertificate: noCertificates,
  DeleteCertificate: noCertificates,
  DeleteKeyMaterial: noImport,
  DescribeCertificate: noCertificates,
  DescribeService: 'Only in old SDKs; nobody documents it any more.',
  ExportDataKey: noExport,
  GenerateAndExportDataKey: noExport,
  GetCertificate: noCertificates,
  GetKmsInstanceQuotaInfos: 'There are no quotas.',
  GetManagedDataKey: noManaged,
  GetParametersForImport: noImport,
  ImportKeyMaterial: noImport,
  ListManagedDataKeyVersions: noManaged,
  ReleaseKmsInstance: noVpc,
  RotateSecret: noRotation,
  UpdateCertificateStatus: noCertificates,
  UpdateKmsInstanceBindVpc: noVpc,
  UpdateSecretRotationPolicy: noRotation,
  UploadCertificate: noCertificates,
};
