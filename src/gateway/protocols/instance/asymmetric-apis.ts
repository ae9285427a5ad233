import { asymmetricCiphers } from '../../../crypto/asymmetric.ts';
import { ApiError } from '../../../lib/errors.ts';
import type { InstanceApi } from './api.ts';
import { base64, given, isEmpty, unbase64, type Fields } from './bytes.ts';
import { messages } from './messages.ts';

/** Whether the request names an algorithm of asymmetric keys: then Encrypt and Decrypt are those of such keys. */
export function isAsymmetric({ Algorithm }: Fields): boolean {
  return typeof Algorithm === 'string' && asymmetricCiphers.has(Algorithm);
}

/** Parameters of AsymmetricEncrypt. Without a version it is the primary one. */
export function asymmetricEncryptParameters(request: Fields, version: Fields): Fields {
  assertPlain(request);
  const { KeyId, Algorithm, Plaintext } = request;
  return { KeyId, Algorithm, Plaintext: base64(Plaintext), ...version };
}

/** Parameters of AsymmetricDecrypt. */
export function asymmetricDecryptParameters(request: Fields, version: Fields): Fields {
  assertPlain(request);
  const { KeyId, Algorithm, CiphertextBlob } = request;
  return { KeyId, Algorithm, CiphertextBlob: base64(CiphertextBlob), ...version };
}

function assertPlain({ Aad, Iv }: Fields): void {
  if (isEmpty(Aad) && isEmpty(Iv)) return;
  throw new ApiError('UnsupportedOperation', 'Asymmetric algorithms have neither Aad nor Iv. Leave both out.');
}

/** What is signed: the digest, or the message as its type says. */
function signedParameters(request: Fields, version: Fields): Fields {
  const signed = isEmpty(request['Digest'])
    ? {
        Message: base64(request['Message']),
        MessageType: isEmpty(request['MessageType']) ? 'RAW' : request['MessageType'],
      }
    : { Digest: base64(request['Digest']) };
  return { KeyId: request['KeyId'], ...given(request, 'Algorithm'), ...signed, ...version };
}

/** What an answer says of the request. */
function echoed(result: Fields, request: Fields): Fields {
  const Algorithm = isEmpty(request['Algorithm']) ? result['Algorithm'] : request['Algorithm'];
  return {
    KeyId: result['KeyId'],
    KeyVersionId: result['KeyVersionId'],
    Algorithm,
    MessageType: request['MessageType'],
  };
}

export const sign: InstanceApi = {
  action: () => 'AsymmetricSign',
  request: messages.SignRequest,
  response: messages.SignResponse,
  parameters: signedParameters,
  answer: (result, request) => ({ ...echoed(result, request), Signature: unbase64(result['Value']) }),
};

export const verify: InstanceApi = {
  action: () => 'AsymmetricVerify',
  request: messages.VerifyRequest,
  response: messages.VerifyResponse,
  parameters: (request, version) => ({
    ...signedParameters(request, version),
    Value: base64(request['Signature']),
  }),
  answer: (result, request) => ({ ...echoed(result, request), Value: result['Value'] }),
};

export const getPublicKey: InstanceApi = {
  action: () => 'GetPublicKey',
  request: messages.GetPublicKeyRequest,
  response: messages.GetPublicKeyResponse,
  parameters: ({ KeyId }, version) => ({ KeyId, ...version }),
  answer: (result) => result,
};

export const hmac: InstanceApi = {
  action: () => 'GenerateMac',
  request: messages.HmacRequest,
  response: messages.HmacResponse,
  parameters: ({ KeyId, Message }) => ({ KeyId, Message: base64(Message) }),
  answer: ({ KeyId, Mac }) => ({ KeyId, Signature: unbase64(Mac) }),
};
