import type { ApiError, ErrorCode } from '../../../lib/errors.ts';
import type { Answer, AnswerEncoder } from '../../encode.ts';
import type { InstanceApi } from './api.ts';
import type { Fields } from './bytes.ts';
import { encodeMessage } from './codec.ts';
import { messages } from './messages.ts';

export const protobufType = 'application/x-protobuf';

/** Names a key version beside the ciphertext, in requests and answers. */
export const migrationHeader = 'x-kms-migrationkeyversionid';

interface InstanceError {
  status: number;
  code: string;
  /** SDKs tell some errors apart by their text. */
  message?: string;
}

/** What the instance gateway answers where the RPC gateway has another code. */
const translations: Readonly<Partial<Record<ErrorCode, InstanceError>>> = {
  'InvalidApi.NotFound': { status: 400, code: 'InvalidApiName' },
  InvalidVersion: { status: 400, code: 'InvalidApiVersion' },
  MissingAccessKeyId: {
    status: 400,
    code: 'MissingParameter',
    message: 'Parameter x-kms-acccesskeyid does not exist in http header or body.',
  },
  'InvalidAccessKeyId.NotFound': { status: 404, code: 'Unauthorized' },
  'InvalidAccessKeyId.Inactive': { status: 404, code: 'Unauthorized' },
  SignatureDoesNotMatch: { status: 401, code: 'SignatureNotMatch' },
  IncompleteSignature: { status: 400, code: 'InvalidParam', message: 'The Param Authorization is invalid.' },
  InvalidSignatureMethod: { status: 400, code: 'InvalidParam', message: 'The Param x-kms-signaturemethod is invalid.' },
  'InvalidTimeStamp.Format': { status: 400, code: 'InvalidParam', message: 'The Param Date is invalid.' },
  IllegalTimestamp: { status: 400, code: 'RequestTimeTooSkewed' },
  ParseRequestParameterException: { status: 400, code: 'InvalidParameter' },
};

function errorAnswer(requestId: string, error: ApiError): Answer {
  const translated = translations[error.code] ?? { status: error.httpStatus, code: error.code };
  const message = {
    StatusCode: translated.status,
    ErrorCode: translated.code,
    ErrorMessage: translated.message ?? error.message,
    RequestId: requestId,
  };
  return { status: translated.status, contentType: protobufType, body: encodeMessage(messages.Error, message) };
}

/** Tells clients that keep ciphertexts of their own making which version was used. */
function versionHeader({ KeyVersionId }: Fields): { headers?: Record<string, string> } {
  return typeof KeyVersionId === 'string' ? { headers: { [migrationHeader]: KeyVersionId } } : {};
}

/** Answers as protobuf messages; without a call, errors only. */
export function instanceAnswers(call?: { api: InstanceApi; request: Fields }): AnswerEncoder {
  return {
    error: errorAnswer,
    result: (_product, _action, requestId, fields) => ({
      status: 200,
      contentType: protobufType,
      ...versionHeader(fields),
      body:
        call === undefined
          ? new Uint8Array()
          : encodeMessage(call.api.response, { ...call.api.answer(fields, call.request), RequestId: requestId }),
    }),
  };
}
