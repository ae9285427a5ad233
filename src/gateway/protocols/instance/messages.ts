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

type MessageName =
  | 'Error'
  | `${'' | 'Advance'}${'Encrypt' | 'Decrypt'}Response`
  | `${'Encrypt' | 'Decrypt'}Request`
  | `${'' | 'Advance'}GenerateDataKey${'Request' | 'Response'}`
  | `${'GenerateRandom' | 'GetSecretValue'}${'Request' | 'Response'}`;

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
