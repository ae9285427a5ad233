import type { FieldType, MessageFields } from './codec.ts';

type Field = readonly [name: string, type: FieldType];

const text = (name: string): Field => [name, 'string'];
const bytes = (name: string): Field => [name, 'bytes'];

const encryptRequest: MessageFields = {
  1: text('KeyId'),
  2: bytes('Plaintext'),
  3: text('Algorithm'),
  4: bytes('Aad'),
  5: bytes('Iv'),
  6: text('PaddingMode'),
};

const encryptResponse: MessageFields = {
  1: text('KeyId'),
  2: bytes('CiphertextBlob'),
  3: bytes('Iv'),
  4: text('RequestId'),
  5: text('Algorithm'),
  6: text('PaddingMode'),
};

const decryptRequest: MessageFields = {
  1: bytes('CiphertextBlob'),
  2: text('KeyId'),
  3: text('Algorithm'),
  4: bytes('Aad'),
  5: bytes('Iv'),
  6: text('PaddingMode'),
};

const decryptResponse: MessageFields = {
  1: text('KeyId'),
  2: bytes('Plaintext'),
  3: text('RequestId'),
  4: text('Algorithm'),
  5: text('PaddingMode'),
};

const generateDataKeyResponse: MessageFields = {
  1: text('KeyId'),
  2: bytes('Iv'),
  3: bytes('Plaintext'),
  4: bytes('CiphertextBlob'),
  5: text('RequestId'),
  6: text('Algorithm'),
};

const dataKeyPairResponse: MessageFields = {
  1: text('KeyId'),
  2: bytes('Iv'),
  3: text('KeyPairSpec'),
  4: bytes('PrivateKeyPlaintext'),
  5: bytes('PrivateKeyCiphertextBlob'),
  6: bytes('PublicKey'),
  7: text('RequestId'),
  8: text('Algorithm'),
};

const sealedDataKeyPairResponse: MessageFields = {
  1: text('KeyId'),
  2: bytes('Iv'),
  3: text('KeyPairSpec'),
  4: bytes('PrivateKeyCiphertextBlob'),
  5: bytes('PublicKey'),
  6: text('RequestId'),
  7: text('Algorithm'),
};

type MessageName =
  | 'Error'
  | `${'' | 'Advance'}${'Encrypt' | 'Decrypt'}Response`
  | `${'Encrypt' | 'Decrypt'}Request`
  | `${'' | 'Advance'}GenerateDataKey${'Request' | 'Response'}`
  | `${'GenerateRandom' | 'GetSecretValue' | 'Sign' | 'Verify' | 'GetPublicKey' | 'Hmac' | 'Hash'}${'Request' | 'Response'}`
  | `Kms${'Encrypt' | 'Decrypt'}${'Request' | 'Response'}`
  | `${'' | 'Advance'}GenerateDataKeyPairRequest`
  | `${'' | 'Advance'}GenerateDataKeyPair${'' | 'WithoutPlaintext'}Response`;

/** Messages of the instance gateway (dkms-gcs 0.2, api.proto of Alibaba's SDKs), by name. */
export const messages: Readonly<Record<MessageName, MessageFields>> = {
  Error: { 1: ['StatusCode', 'int32'], 2: text('ErrorCode'), 3: text('ErrorMessage'), 4: text('RequestId') },
  EncryptRequest: encryptRequest,
  EncryptResponse: encryptResponse,
  AdvanceEncryptResponse: { ...encryptResponse, 7: text('KeyVersionId') },
  DecryptRequest: decryptRequest,
  DecryptResponse: decryptResponse,
  AdvanceDecryptResponse: { ...decryptResponse, 6: text('KeyVersionId') },
  GenerateDataKeyRequest: {
    1: text('KeyId'),
    2: text('Algorithm'),
    3: ['NumberOfBytes', 'int32'],
    4: bytes('Aad'),
  },
  GenerateDataKeyResponse: generateDataKeyResponse,
  AdvanceGenerateDataKeyRequest: { 1: text('KeyId'), 2: ['NumberOfBytes', 'int32'], 3: bytes('Aad') },
  AdvanceGenerateDataKeyResponse: { ...generateDataKeyResponse, 7: text('KeyVersionId') },
  GenerateDataKeyPairRequest: {
    1: text('KeyId'),
    2: text('Algorithm'),
    3: text('KeyPairSpec'),
    4: text('KeyFormat'),
    5: bytes('Aad'),
  },
  GenerateDataKeyPairResponse: dataKeyPairResponse,
  GenerateDataKeyPairWithoutPlaintextResponse: sealedDataKeyPairResponse,
  AdvanceGenerateDataKeyPairRequest: {
    1: text('KeyId'),
    2: text('KeyPairSpec'),
    3: text('KeyFormat'),
    4: bytes('Aad'),
  },
  AdvanceGenerateDataKeyPairResponse: { ...dataKeyPairResponse, 9: text('KeyVersionId') },
  AdvanceGenerateDataKeyPairWithoutPlaintextResponse: { ...sealedDataKeyPairResponse, 8: text('KeyVersionId') },
  SignRequest: {
    1: text('KeyId'),
    2: bytes('Digest'),
    3: text('Algorithm'),
    4: bytes('Message'),
    5: text('MessageType'),
  },
  SignResponse: {
    1: text('KeyId'),
    2: bytes('Signature'),
    3: text('RequestId'),
    4: text('Algorithm'),
    5: text('MessageType'),
  },
  VerifyRequest: {
    1: text('KeyId'),
    2: bytes('Digest'),
    3: bytes('Signature'),
    4: text('Algorithm'),
    5: bytes('Message'),
    6: text('MessageType'),
  },
  VerifyResponse: {
    1: text('KeyId'),
    2: ['Value', 'bool'],
    3: text('RequestId'),
    4: text('Algorithm'),
    5: text('MessageType'),
  },
  GetPublicKeyRequest: { 1: text('KeyId') },
  GetPublicKeyResponse: { 1: text('KeyId'), 2: text('PublicKey'), 3: text('RequestId') },
  HmacRequest: { 1: text('KeyId'), 2: bytes('Message') },
  HmacResponse: { 1: text('KeyId'), 2: bytes('Signature'), 3: text('RequestId') },
  HashRequest: { 1: bytes('Message'), 2: text('Algorithm') },
  HashResponse: { 1: bytes('Digest'), 2: text('RequestId') },
  KmsEncryptRequest: { 1: text('KeyId'), 2: bytes('Plaintext'), 3: bytes('Aad') },
  KmsEncryptResponse: { 1: text('KeyId'), 2: bytes('CiphertextBlob'), 3: text('RequestId') },
  KmsDecryptRequest: { 1: bytes('CiphertextBlob'), 2: bytes('Aad') },
  KmsDecryptResponse: { 1: text('KeyId'), 2: bytes('Plaintext'), 3: text('RequestId') },
  GenerateRandomRequest: { 1: ['Length', 'int32'] },
  GenerateRandomResponse: { 1: bytes('Random'), 2: text('RequestId') },
  GetSecretValueRequest: {
    1: text('SecretName'),
    2: text('VersionStage'),
    3: text('VersionId'),
    4: ['FetchExtendedConfig', 'bool'],
  },
  GetSecretValueResponse: {
    1: text('SecretName'),
    2: text('SecretType'),
    3: text('SecretData'),
    4: text('SecretDataType'),
    5: ['VersionStages', 'strings'],
    6: text('VersionId'),
    7: text('CreateTime'),
    8: text('RequestId'),
    9: text('LastRotationDate'),
    10: text('NextRotationDate'),
    11: text('ExtendedConfig'),
    12: text('AutomaticRotation'),
    13: text('RotationInterval'),
  },
};
