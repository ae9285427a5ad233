import { createPublicKey, publicEncrypt, randomBytes, constants } from 'node:crypto';
import { generatePrivateKey } from '../../src/crypto/key-pair.ts';
import { OpensslAuthority } from './actions/certificates/authority.ts';
import type { Answer, KmsScene } from './kms-scene.ts';

/** Parameters of one call. */
export type Parameters = Record<string, unknown>;

/** What the calls of the table are made on: made for one call, and no other sees it. */
export class Stage {
  readonly kms: KmsScene;

  constructor(kms: KmsScene) {
    this.kms = kms;
  }

  key(parameters: Parameters = {}): Promise<string> {
    return this.kms.newKey(parameters);
  }

  async do(action: string, parameters: Parameters = {}): Promise<Answer> {
    return this.kms.call(action, parameters);
  }

  async secret(parameters: Parameters = {}): Promise<string> {
    await this.do('CreateSecret', { SecretName: 'shop', SecretData: 'x', VersionId: 'v1', ...parameters });
    return 'shop';
  }

  async dataKey(): Promise<{ DataKeyName: string }> {
    await this.do('CreateManagedDataKey', { DataKeyName: 'files', KeyId: await this.key() });
    return { DataKeyName: 'files' };
  }

  async version(KeyId: string): Promise<string> {
    const { KeyVersions } = await this.do('ListKeyVersions', { KeyId });
    return (KeyVersions as { KeyVersion: { KeyVersionId: string }[] }).KeyVersion[0]?.KeyVersionId ?? '';
  }

  /** A key with its version, as the asymmetric actions name it. */
  async pair(KeySpec: string, KeyUsage: string): Promise<{ KeyId: string; KeyVersionId: string }> {
    const KeyId = await this.key({ KeySpec, KeyUsage });
    return { KeyId, KeyVersionId: await this.version(KeyId) };
  }

  async alias(): Promise<{ AliasName: string; KeyId: string }> {
    const alias = { AliasName: 'alias/shop', KeyId: await this.key() };
    await this.do('CreateAlias', alias);
    return alias;
  }

  async blob(): Promise<string> {
    return String((await this.do('Encrypt', { KeyId: await this.key(), Plaintext }))['CiphertextBlob']);
  }

  async certificate(): Promise<{ CertificateId: string; Csr: string }> {
    return (await this.do('CreateCertificate', { Subject })) as { CertificateId: string; Csr: string };
  }

  async activeCertificate(): Promise<{ CertificateId: string }> {
    const { CertificateId, Csr } = await this.certificate();
    await this.do('UploadCertificate', { CertificateId, ...issue(Csr) });
    return { CertificateId };
  }

  async rule(): Promise<{ Name: string }> {
    await this.do('CreateNetworkRule', { Name: 'office', SourcePrivateIp: '["10.0.0.0/8"]' });
    return { Name: 'office' };
  }

  async policy(): Promise<{ Name: string }> {
    await this.do('CreatePolicy', rbacPolicy);
    return { Name: rbacPolicy.Name };
  }

  async accessPoint(): Promise<{ Name: string }> {
    const { Name } = await this.policy();
    await this.do('CreateApplicationAccessPoint', { Name, Policies: JSON.stringify([Name]) });
    return { Name };
  }

  async clientKey(): Promise<{ ClientKeyId: string }> {
    const { Name: AapName } = await this.accessPoint();
    const { ClientKeyId } = await this.do('CreateClientKey', { AapName, Password });
    return { ClientKeyId: String(ClientKeyId) };
  }

  async keyOfOwner(): Promise<{ KeyId: string }> {
    return { KeyId: await this.key({ DKMSInstanceId: hardware }) };
  }

  /** Material that is wrapped for a key which waits for it. */
  async wrapped(): Promise<Parameters> {
    const KeyId = await this.key({ Origin: 'EXTERNAL' });
    const { PublicKey, ImportToken } = await this.do('GetParametersForImport', { KeyId, ...rsaWrapping });
    const key = createPublicKey({ key: Buffer.from(String(PublicKey), 'base64'), format: 'der', type: 'spki' });
    const oaep = { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
    return { KeyId, ImportToken, EncryptedKeyMaterial: publicEncrypt(oaep, randomBytes(32)).toString('base64') };
  }
}

/** The instance of the type Hardware that the table's calls may use. */
export const hardware = 'kst-hsm';

const Plaintext = Buffer.from('text').toString('base64');
const Digest = Buffer.alloc(32, 1).toString('base64');
const Subject = 'CN=shop.example.com,OU=web,O=Example,L=Berlin,C=DE';
const Password = 'a-Password-1';
const rsaWrapping = { WrappingKeySpec: 'RSA_2048', WrappingAlgorithm: 'RSAES_OAEP_SHA_256' };
const rbacPolicy = {
  Name: 'shop',
  Permissions: '["RbacPermission/Template/CryptoServiceSecretUser"]',
  Resources: '["secret/shop/*"]',
};
const tags = { ResourceType: 'key', Tag: '[{"Key":"team","Value":"red"}]' };
const generator = '{"PasswordLength":"20"}';
const resourcePolicy = JSON.stringify({
  Version: '1',
  Statement: [
    {
      Sid: 'all',
      Effect: 'Allow',
      Principal: { RAM: ['acs:ram::1000000000000000:*'] },
      Action: ['kms:*'],
      Resource: ['*'],
    },
  ],
});

let authority: OpensslAuthority | undefined;

function issue(csr: string): { Certificate: string; CertificateChain: string } {
  authority ??= new OpensslAuthority();
  const { certificate, chain } = authority.issue(csr);
  return { Certificate: certificate, CertificateChain: chain };
}

/** Removes what the calls left on disk. */
export function removeAuthority(): void {
  authority?.remove();
  authority = undefined;
}

async function recipient(): Promise<Parameters> {
  const key = createPublicKey(await generatePrivateKey({ modulusBits: 2048 }));
  return { ...rsaWrapping, PublicKeyBlob: key.export({ format: 'der', type: 'spki' }).toString('base64') };
}

const signing = (stage: Stage): Promise<Parameters> =>
  stage.pair('EC_P256', 'SIGN/VERIFY').then((key) => ({ ...key, Algorithm: 'ECDSA_SHA_256', Digest }));
const encrypting = (stage: Stage): Promise<Parameters> =>
  stage.pair('RSA_2048', 'ENCRYPT/DECRYPT').then((key) => ({ ...key, Algorithm: 'RSAES_OAEP_SHA_256' }));
const macKey = async (stage: Stage): Promise<Parameters> => ({
  KeyId: await stage.key({ KeySpec: 'HMAC_SHA_256', KeyUsage: 'GENERATE/VERIFY MAC' }),
  Algorithm: 'HMAC_SHA_256',
  Message: Plaintext,
});
const certificateSignature = async (stage: Stage): Promise<Parameters> => ({
  ...(await stage.activeCertificate()),
  Algorithm: 'RSA_PKCS1_SHA_256',
  Message: Plaintext,
});
const certificateCipher = async (stage: Stage): Promise<Parameters> => ({
  ...(await stage.activeCertificate()),
  Algorithm: 'RSAES_OAEP_SHA_256',
});
const onKey =
  (parameters: Parameters = {}) =>
  async (stage: Stage): Promise<Parameters> => ({ KeyId: await stage.key(), ...parameters });
const onSecret =
  (parameters: Parameters = {}) =>
  async (stage: Stage): Promise<Parameters> => ({ SecretName: await stage.secret(), ...parameters });
const nothing = (): Parameters => ({});

/** For each action of KMS, what makes a call that succeeds. */
export const soundCalls: Readonly<Record<string, (stage: Stage) => Promise<Parameters> | Parameters>> = {
  CreateKey: nothing,
  DescribeKey: onKey(),
  ListKeys: nothing,
  EnableKey: onKey(),
  DisableKey: onKey(),
  UpdateKeyDescription: onKey({ Description: 'new' }),
  ScheduleKeyDeletion: onKey({ PendingWindowInDays: '7' }),
  CancelKeyDeletion: async (stage) => {
    const KeyId = await stage.key();
    await stage.do('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: '7' });
    return { KeyId };
  },
  SetDeletionProtection: onKey({ EnableDeletionProtection: 'true' }),
  GetKeyPolicy: onKey(),
  SetKeyPolicy: onKey({ Policy: resourcePolicy }),
  CreateKeyVersion: async (stage) => {
    const KeyId = await stage.key();
    stage.kms.clock.advance(8 * 86_400_000);
    return { KeyId };
  },
  DescribeKeyVersion: (stage) => stage.pair('Aliyun_AES_256', 'ENCRYPT/DECRYPT'),
  ListKeyVersions: onKey(),
  UpdateRotationPolicy: onKey({ EnableAutomaticRotation: 'true', RotationInterval: '30d' }),
  GetParametersForImport: async (stage) => ({ KeyId: await stage.key({ Origin: 'EXTERNAL' }), ...rsaWrapping }),
  ImportKeyMaterial: (stage) => stage.wrapped(),
  DeleteKeyMaterial: async (stage) => {
    const wrapped = await stage.wrapped();
    await stage.do('ImportKeyMaterial', wrapped);
    return { KeyId: wrapped['KeyId'] };
  },
  BlockKeyUse: (stage) => stage.keyOfOwner(),
  UnblockKeyUse: async (stage) => {
    const key = await stage.keyOfOwner();
    await stage.do('BlockKeyUse', key);
    return key;
  },
  CreateAlias: onKey({ AliasName: 'alias/new' }),
  UpdateAlias: async (stage) => ({ ...(await stage.alias()), KeyId: await stage.key() }),
  DeleteAlias: async (stage) => ({ AliasName: (await stage.alias()).AliasName }),
  ListAliases: nothing,
  ListAliasesByKeyId: onKey(),
  TagResource: onKey({ Tags: '[{"TagKey":"team","TagValue":"red"}]' }),
  UntagResource: onKey({ TagKeys: '["team"]' }),
  ListResourceTags: onKey(),
  TagResources: async (stage) => ({ ...tags, ResourceId: JSON.stringify([await stage.key()]) }),
  UntagResources: async (stage) => {
    const ResourceId = JSON.stringify([await stage.key()]);
    await stage.do('TagResources', { ...tags, ResourceId });
    return { ResourceType: 'key', ResourceId, All: 'true' };
  },
  ListTagResources: () => ({ ResourceType: 'key' }),
  Encrypt: onKey({ Plaintext, EncryptionContext: '{"a":"b"}' }),
  Decrypt: async (stage) => ({ CiphertextBlob: await stage.blob() }),
  ReEncrypt: async (stage) => ({ CiphertextBlob: await stage.blob(), DestinationKeyId: await stage.key() }),
  GenerateDataKey: onKey(),
  GenerateDataKeyWithoutPlaintext: onKey(),
  GenerateDataKeyPair: onKey({ KeyPairSpec: 'EC_P256' }),
  GenerateDataKeyPairWithoutPlaintext: onKey({ KeyPairSpec: 'EC_P256' }),
  ExportDataKey: async (stage) => ({ CiphertextBlob: await stage.blob(), ...(await recipient()) }),
  GenerateAndExportDataKey: async (stage) => ({ KeyId: await stage.key(), ...(await recipient()) }),
  AsymmetricSign: signing,
  AsymmetricVerify: async (stage) => {
    const call = await signing(stage);
    return { ...call, Value: (await stage.do('AsymmetricSign', call))['Value'] };
  },
  AsymmetricEncrypt: async (stage) => ({ ...(await encrypting(stage)), Plaintext }),
  AsymmetricDecrypt: async (stage) => {
    const call = await encrypting(stage);
    return { ...call, CiphertextBlob: (await stage.do('AsymmetricEncrypt', { ...call, Plaintext }))['CiphertextBlob'] };
  },
  GetPublicKey: (stage) => stage.pair('EC_P256', 'SIGN/VERIFY'),
  GenerateMac: macKey,
  VerifyMac: async (stage) => {
    const call = await macKey(stage);
    return { ...call, Mac: (await stage.do('GenerateMac', call))['Mac'] };
  },
  CreateSecret: () => ({ SecretName: 'shop', SecretData: 'x', VersionId: 'v1' }),
  PutSecretValue: onSecret({ SecretData: 'y', VersionId: 'v2' }),
  GetSecretValue: onSecret(),
  BatchGetSecretValue: async (stage) => ({ SecretsList: JSON.stringify([{ SecretName: await stage.secret() }]) }),
  WaitSecretChanges: async (stage) => ({
    Secrets: JSON.stringify([{ SecretName: await stage.secret() }]),
    WaitSeconds: '1',
  }),
  DescribeSecret: onSecret(),
  ListSecrets: nothing,
  ListSecretVersionIds: onSecret(),
  ListSecretConsumers: onSecret(),
  UpdateSecret: onSecret({ Description: 'new' }),
  UpdateSecretVersionStage: onSecret({ VersionStage: 'mine', MoveToVersion: 'v1' }),
  DeleteSecret: onSecret({ ForceDeleteWithoutRecovery: 'true' }),
  RestoreSecret: async (stage) => {
    const SecretName = await stage.secret();
    await stage.do('DeleteSecret', { SecretName });
    return { SecretName };
  },
  RotateSecret: async (stage) => {
    const SecretName = await stage.secret({ SecretData: '', SecretDataGenerator: generator });
    return { SecretName, VersionId: 'v2' };
  },
  UpdateSecretRotationPolicy: async (stage) => {
    const SecretName = await stage.secret({ SecretData: '', SecretDataGenerator: generator });
    return { SecretName, EnableAutomaticRotation: 'true', RotationInterval: '7d' };
  },
  GetSecretPolicy: onSecret(),
  SetSecretPolicy: onSecret({ Policy: resourcePolicy }),
  CreateManagedDataKey: async (stage) => ({ DataKeyName: 'files', KeyId: await stage.key() }),
  CreateManagedDataKeyVersion: (stage) => stage.dataKey(),
  GetManagedDataKey: (stage) => stage.dataKey(),
  ListManagedDataKeys: nothing,
  ListManagedDataKeyVersions: (stage) => stage.dataKey(),
  DeleteManagedDataKey: async (stage) => ({ ...(await stage.dataKey()), ForceDeleteWithoutRecovery: 'true' }),
  RestoreManagedDataKey: async (stage) => {
    const dataKey = await stage.dataKey();
    await stage.do('DeleteManagedDataKey', dataKey);
    return dataKey;
  },
  GetRandomPassword: nothing,
  CreateCertificate: () => ({ Subject, KeySpec: 'EC_P256' }),
  UploadCertificate: async (stage) => {
    const { CertificateId, Csr } = await stage.certificate();
    return { CertificateId, ...issue(Csr) };
  },
  GetCertificate: (stage) => stage.activeCertificate(),
  DescribeCertificate: (stage) => stage.activeCertificate(),
  UpdateCertificateStatus: async (stage) => ({ ...(await stage.activeCertificate()), Status: 'INACTIVE' }),
  DeleteCertificate: async (stage) => ({ CertificateId: (await stage.certificate()).CertificateId }),
  CertificatePrivateKeySign: certificateSignature,
  CertificatePublicKeyVerify: async (stage) => {
    const call = await certificateSignature(stage);
    const { SignatureValue } = await stage.do('CertificatePrivateKeySign', call);
    return { ...call, SignatureValue };
  },
  CertificatePublicKeyEncrypt: async (stage) => ({ ...(await certificateCipher(stage)), Plaintext }),
  CertificatePrivateKeyDecrypt: async (stage) => {
    const call = await certificateCipher(stage);
    const { CiphertextBlob } = await stage.do('CertificatePublicKeyEncrypt', { ...call, Plaintext });
    return { ...call, CiphertextBlob };
  },
  CreateNetworkRule: () => ({ Name: 'office', SourcePrivateIp: '["10.0.0.0/8"]' }),
  UpdateNetworkRule: async (stage) => ({ ...(await stage.rule()), SourcePrivateIp: '["10.1.0.0/16"]' }),
  DescribeNetworkRule: (stage) => stage.rule(),
  DeleteNetworkRule: (stage) => stage.rule(),
  ListNetworkRules: nothing,
  CreatePolicy: () => ({ ...rbacPolicy }),
  UpdatePolicy: async (stage) => ({ ...(await stage.policy()), Resources: '["secret/other"]' }),
  DescribePolicy: (stage) => stage.policy(),
  DeletePolicy: (stage) => stage.policy(),
  ListPolicies: nothing,
  CreateApplicationAccessPoint: async (stage) => {
    const { Name } = await stage.policy();
    return { Name, Policies: JSON.stringify([Name]) };
  },
  UpdateApplicationAccessPoint: async (stage) => ({ ...(await stage.accessPoint()), Description: 'new' }),
  DescribeApplicationAccessPoint: (stage) => stage.accessPoint(),
  DeleteApplicationAccessPoint: (stage) => stage.accessPoint(),
  ListApplicationAccessPoints: nothing,
  CreateClientKey: async (stage) => ({ AapName: (await stage.accessPoint()).Name, Password }),
  GetClientKey: (stage) => stage.clientKey(),
  DeleteClientKey: (stage) => stage.clientKey(),
  ListClientKeys: async (stage) => ({ AapName: (await stage.accessPoint()).Name }),
  DescribeRegions: nothing,
  DescribeAccountKmsStatus: nothing,
  ListKmsInstances: nothing,
  GetKmsInstance: () => ({ KmsInstanceId: hardware }),
  GetDefaultKmsInstance: nothing,
};
