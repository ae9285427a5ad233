import { formatCiphertextBlob, parseCiphertextBlob } from '../../../crypto/ciphertext-blob.ts';
import { ApiError } from '../../../lib/errors.ts';
import type { MessageFields } from './codec.ts';
import { messages } from './messages.ts';

type Fields = Record<string, unknown>;

/** An API of the instance gateway: an action of the table in other words. */
export interface InstanceApi {
  /** Name in the action table. */
  readonly action: string;
  readonly request: MessageFields;
  readonly response: MessageFields;
  /** The action's parameters. Throws ApiError for what the action cannot do. */
  readonly parameters: (request: Fields) => Fields;
  /** The response's fields, without RequestId. */
  readonly answer: (result: Fields) => Fields;
}

/** The only algorithm of the keys that this gateway serves. */
const algorithm = 'AES_GCM';
const versionIdBytes = 36;

function base64(value: unknown): string {
  return Buffer.from(value as Uint8Array).toString('base64');
}

function unbase64(value: unknown): Buffer {
  return Buffer.from(typeof value === 'string' ? value : '', 'base64');
}

function isEmpty(value: unknown): boolean {
  return (value as Uint8Array).length === 0;
}

function checkAlgorithm({ Algorithm }: Fields): void {
  if (Algorithm === undefined || Algorithm === '' || Algorithm === algorithm) return;
  throw new ApiError('UnsupportedOperation', `The Algorithm must be ${algorithm}, or left out.`);
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

function joinBlob(request: Fields): string {
  const blob = Buffer.from(request['CiphertextBlob'] as Uint8Array);
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

const encrypt: InstanceApi = {
  action: 'Encrypt',
  request: messages.EncryptRequest,
  response: messages.EncryptResponse,
  parameters: encryptParameters,
  answer: (result) => ({ ...result, ...splitBlob(result) }),
};

const decrypt: InstanceApi = {
  action: 'Decrypt',
  request: messages.DecryptRequest,
  response: messages.DecryptResponse,
  parameters: (request) => {
    checkAlgorithm(request);
    return { CiphertextBlob: joinBlob(request), ...contextOf(request) };
  },
  answer: (result) => ({ ...result, ...plaintextOf(result), Algorithm: algorithm }),
};

const generateDataKey: InstanceApi = {
  action: 'GenerateDataKey',
  request: messages.GenerateDataKeyRequest,
  response: messages.GenerateDataKeyResponse,
  parameters: dataKeyParameters,
  answer: (result) => ({ ...result, ...splitBlob(result), ...plaintextOf(result) }),
};

const generateRandom: InstanceApi = {
  action: 'GenerateRandom',
  request: messages.GenerateRandomRequest,
  response: messages.GenerateRandomResponse,
  parameters: ({ Length }) => ({ Length: String(Length) }),
  answer: ({ Random }) => ({ Random: unbase64(Random) }),
};

const getSecretValue: InstanceApi = {
  action: 'GetSecretValue',
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

/** By the name in `x-kms-apiname`. */
export const instanceApis: ReadonlyMap<string, InstanceApi> = new Map([
  ['Encrypt', encrypt],
  ['Decrypt', decrypt],
  ['GenerateDataKey', generateDataKey],
  ['GenerateRandom', generateRandom],
  ['GetSecretValue', getSecretValue],
  [
    'AdvanceEncrypt',
    {
      ...encrypt,
      response: messages.AdvanceEncryptResponse,
      answer: (result: Fields) => ({ ...result, ...advanceBlob(result) }),
    },
  ],
  [
    'AdvanceDecrypt',
    {
      ...decrypt,
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
