import { formatCiphertextBlob, parseCiphertextBlob } from '../../../crypto/ciphertext-blob.ts';
import { ApiError } from '../../../lib/errors.ts';
import type { InstanceApi } from './api.ts';
import {
  asymmetricDecryptParameters,
  asymmetricEncryptParameters,
  getPublicKey,
  hmac,
  isAsymmetric,
  sign,
  verify,
} from './asymmetric-apis.ts';
import { base64, isEmpty, unbase64, type Fields } from './bytes.ts';
import { messages } from './messages.ts';

/** What the answers say of symmetric keys. SM4 keys are named by themselves: the blob does not tell. */
const algorithm = 'AES_GCM';
const symmetricAlgorithms: readonly unknown[] = [undefined, '', algorithm, 'SM4_GCM'];
const versionIdBytes = 36;

function checkAlgorithm({ Algorithm }: Fields): void {
  if (symmetricAlgorithms.includes(Algorithm)) return;
  throw new ApiError(
    'UnsupportedOperation',
    'The Algorithm of a symmetric key must be AES_GCM or SM4_GCM, or left out.',
  );
}

/** The AAD is bytes here and a map in the action; it travels as an entry that no caller of the OpenAPI would choose. */
function contextOf({ Aad }: Fields): Fields {
  return isEmpty(Aad) ? {} : { EncryptionContext: { 'kaap:aad': base64(Aad) } };
}

function encryptParameters(request: Fields): Fields {
  checkAlgorithm(request);
  if (!isEmpty(request['Iv'])) {
    throw new ApiError(
      'UnsupportedOperation',
      'The service chooses the Iv. Leave it out, and keep the one you are given.',
    );
  }
  return { KeyId: request['KeyId'], Plaintext: base64(request['Plaintext']), ...contextOf(request) };
}

function dataKeyParameters(request: Fields): Fields {
  checkAlgorithm(request);
  const length = request['NumberOfBytes'];
  return { KeyId: request['KeyId'], ...(length === 0 ? {} : { NumberOfBytes: String(length) }), ...contextOf(request) };
}

/** Encrypt and GenerateDataKey give the IV apart: the blob is key version id ‖ ciphertext ‖ tag without it. */
function splitBlob({ CiphertextBlob }: Fields): Fields {
  const { keyVersionId, iv, ciphertext, tag } = parseCiphertextBlob(String(CiphertextBlob));
  const rest = Buffer.concat([Buffer.from(keyVersionId, 'ascii'), ciphertext, tag]);
  return { CiphertextBlob: rest, Iv: iv, Algorithm: algorithm };
}

/**
 * The blob of the action: version ‖ IV ‖ ciphertext ‖ tag. A ciphertext that was migrated does not begin with its version;
 * the header names it.
 */
function joinBlob(request: Fields, { KeyVersionId }: Fields): string {
  const given = Buffer.from(request['CiphertextBlob'] as Uint8Array);
  const version = Buffer.from(typeof KeyVersionId === 'string' ? KeyVersionId : '', 'latin1');
  const blob = given.subarray(0, version.length).equals(version) ? given : Buffer.concat([version, given]);
  const iv = Buffer.from(request['Iv'] as Uint8Array);
  const tagAt = blob.length - 16;
  try {
    return formatCiphertextBlob({
      keyVersionId: blob.toString('latin1', 0, versionIdBytes),
      iv,
      ciphertext: blob.subarray(versionIdBytes, tagAt),
      tag: blob.subarray(tagAt),
    });
  } catch {
    throw new ApiError('InvalidParameter', 'Send CiphertextBlob and Iv as Encrypt gave them.');
  }
}

/** What begins the blob of an Advance* API: `$`, cipher version and padding 0, algorithm 2 (AES_GCM). */
const advancePrefix = Buffer.from([0x24, 0x00, 0x02]);

/** The Advance* APIs keep the IV in the blob, and tell it besides. */
function advanceBlob({ CiphertextBlob }: Fields): Fields {
  const { iv } = parseCiphertextBlob(String(CiphertextBlob));
  return { CiphertextBlob: Buffer.concat([advancePrefix, unbase64(CiphertextBlob)]), Iv: iv, Algorithm: algorithm };
}

function fromAdvanceBlob(request: Fields): string {
  const blob = Buffer.from(request['CiphertextBlob'] as Uint8Array);
  if (!blob.subarray(0, advancePrefix.length).equals(advancePrefix)) {
    throw new ApiError('InvalidParameter', 'Send CiphertextBlob as AdvanceEncrypt gave it.');
  }
  return blob.toString('base64', advancePrefix.length);
}

function plaintextOf({ Plaintext }: Fields): Fields {
  return { Plaintext: unbase64(Plaintext) };
}

function nameOf({ Algorithm }: Fields): unknown {
  return isEmpty(Algorithm) ? algorithm : Algorithm;
}

const encrypt: InstanceApi = {
  action: (request) => (isAsymmetric(request) ? 'AsymmetricEncrypt' : 'Encrypt'),
  request: messages.EncryptRequest,
  response: messages.EncryptResponse,
  parameters: (request, version) =>
    isAsymmetric(request) ? asymmetricEncryptParameters(request, version) : encryptParameters(request),
  answer: (result, request) => {
    const blob = isAsymmetric(request) ? { CiphertextBlob: unbase64(result['CiphertextBlob']) } : splitBlob(result);
    return { ...result, ...blob, Algorithm: nameOf(request) };
  },
};

const decrypt: InstanceApi = {
  action: (request) => (isAsymmetric(request) ? 'AsymmetricDecrypt' : 'Decrypt'),
  request: messages.DecryptRequest,
  response: messages.DecryptResponse,
  parameters: (request, version) => {
    if (isAsymmetric(request)) return asymmetricDecryptParameters(request, version);
    checkAlgorithm(request);
    return { CiphertextBlob: joinBlob(request, version), ...contextOf(request) };
  },
  answer: (result, request) => ({ ...result, ...plaintextOf(result), Algorithm: nameOf(request) }),
};

const generateDataKey: InstanceApi = {
  action: () => 'GenerateDataKey',
  request: messages.GenerateDataKeyRequest,
  response: messages.GenerateDataKeyResponse,
  parameters: dataKeyParameters,
  answer: (result) => ({ ...result, ...splitBlob(result), ...plaintextOf(result) }),
};

const generateRandom: InstanceApi = {
  action: () => 'GenerateRandom',
  request: messages.GenerateRandomRequest,
  response: messages.GenerateRandomResponse,
  parameters: ({ Length }) => ({ Length: String(Length) }),
  answer: ({ Random }) => ({ Random: unbase64(Random) }),
};

const getSecretValue: InstanceApi = {
  action: () => 'GetSecretValue',
  request: messages.GetSecretValueRequest,
  response: messages.GetSecretValueResponse,
  parameters: ({ SecretName, VersionStage, VersionId, FetchExtendedConfig }) => ({
    SecretName,
    ...(VersionStage === '' ? {} : { VersionStage }),
    ...(VersionId === '' ? {} : { VersionId }),
    ...(FetchExtendedConfig === true ? { FetchExtendedConfig: 'true' } : {}),
  }),
  answer: (result) => {
    const stages = result['VersionStages'] as { VersionStage?: readonly string[] } | undefined;
    return { ...result, VersionStages: stages?.VersionStage ?? [] };
  },
};

const hash: InstanceApi = {
  action: () => 'Hash',
  request: messages.HashRequest,
  response: messages.HashResponse,
  parameters: ({ Message, Algorithm }) => ({
    Message: base64(Message),
    Algorithm: isEmpty(Algorithm) ? 'SHA_256' : Algorithm,
  }),
  answer: ({ Digest }) => ({ Digest: unbase64(Digest) }),
};

const kmsEncrypt: InstanceApi = {
  action: () => 'Encrypt',
  request: messages.KmsEncryptRequest,
  response: messages.KmsEncryptResponse,
  parameters: encryptParameters,
  answer: (result) => ({ ...result, CiphertextBlob: unbase64(result['CiphertextBlob']) }),
};

const kmsDecrypt: InstanceApi = {
  action: () => 'Decrypt',
  request: messages.KmsDecryptRequest,
  response: messages.KmsDecryptResponse,
  parameters: (request) => ({ CiphertextBlob: base64(request['CiphertextBlob']), ...contextOf(request) }),
  answer: (result) => ({ ...result, ...plaintextOf(result) }),
};

/** The four APIs of key pairs: with or without the private key in plain, with the IV apart or in the blob. */
function dataKeyPair(form: 'apart' | 'advance', suffix: '' | 'WithoutPlaintext'): InstanceApi {
  const request = form === 'apart' ? messages.GenerateDataKeyPairRequest : messages.AdvanceGenerateDataKeyPairRequest;
  return {
    action: () => `GenerateDataKeyPair${suffix}`,
    request,
    response: messages[`${form === 'apart' ? '' : 'Advance'}GenerateDataKeyPair${suffix}Response`],
    parameters: (pair) => {
      checkAlgorithm(pair);
      const { KeyId, KeyPairSpec, KeyFormat } = pair;
      return { KeyId, KeyPairSpec, ...(isEmpty(KeyFormat) ? {} : { KeyFormat }), ...contextOf(pair) };
    },
    answer: (result) => {
      const sealed = { CiphertextBlob: result['PrivateKeyCiphertextBlob'] };
      const { CiphertextBlob, ...rest } = form === 'apart' ? splitBlob(sealed) : advanceBlob(sealed);
      return {
        ...result,
        ...rest,
        PrivateKeyCiphertextBlob: CiphertextBlob,
        PrivateKeyPlaintext: unbase64(result['PrivateKeyPlaintext']),
        PublicKey: unbase64(result['PublicKey']),
      };
    },
  };
}

/** By the name in `x-kms-apiname`. */
export const instanceApis: ReadonlyMap<string, InstanceApi> = new Map([
  ['Encrypt', encrypt],
  ['Decrypt', decrypt],
  ['GenerateDataKey', generateDataKey],
  ['GenerateRandom', generateRandom],
  ['GetSecretValue', getSecretValue],
  ['Sign', sign],
  ['Verify', verify],
  ['GetPublicKey', getPublicKey],
  ['Hmac', hmac],
  ['Hash', hash],
  ['KmsEncrypt', kmsEncrypt],
  ['KmsDecrypt', kmsDecrypt],
  ['GenerateDataKeyPair', dataKeyPair('apart', '')],
  ['GenerateDataKeyPairWithoutPlaintext', dataKeyPair('apart', 'WithoutPlaintext')],
  ['AdvanceGenerateDataKeyPair', dataKeyPair('advance', '')],
  ['AdvanceGenerateDataKeyPairWithoutPlaintext', dataKeyPair('advance', 'WithoutPlaintext')],
  [
    'AdvanceEncrypt',
    {
      ...encrypt,
      action: () => 'Encrypt',
      response: messages.AdvanceEncryptResponse,
      parameters: encryptParameters,
      answer: (result: Fields) => ({ ...result, ...advanceBlob(result) }),
    },
  ],
  [
    'AdvanceDecrypt',
    {
      ...decrypt,
      action: () => 'Decrypt',
      response: messages.AdvanceDecryptResponse,
      parameters: (request: Fields) => {
        checkAlgorithm(request);
        return { CiphertextBlob: fromAdvanceBlob(request), ...contextOf(request) };
      },
    },
  ],
  [
    'AdvanceGenerateDataKey',
    {
      ...generateDataKey,
      request: messages.AdvanceGenerateDataKeyRequest,
      response: messages.AdvanceGenerateDataKeyResponse,
      answer: (result: Fields) => ({ ...result, ...advanceBlob(result), ...plaintextOf(result) }),
    },
  ],
]);
