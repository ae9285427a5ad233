import type { ApiError } from '../lib/errors.ts';
import { encodeXml } from './encode-xml.ts';
import type { AnswerFormat } from './protocols/protocol.ts';

/** An answer ready to be sent. */
export interface Answer {
  status: number;
  contentType: string;
  body: string | Buffer;
}

interface Encoder {
  contentType: string;
  readonly result: (product: string, action: string, fields: object) => string;
  readonly error: (fields: object) => string;
}

const encoders: Readonly<Record<Exclude<AnswerFormat, 'protobuf'>, Encoder>> = {
  json: {
    contentType: 'application/json;charset=utf-8',
    result: (_product, _action, fields) => JSON.stringify(fields),
    error: (fields) => JSON.stringify(fields),
  },
  xml: {
    contentType: 'text/xml;charset=utf-8',
    // KMS names its root after itself, the other products after the action.
    result: (product, action, fields) => encodeXml(product === 'Kms' ? 'KMS' : `${action}Response`, fields),
    error: (fields) => encodeXml('Error', fields),
  },
};

/** The answer of a successful call: the action's fields and the request id. */
export function encodeResult(
  format: Exclude<AnswerFormat, 'protobuf'>,
  call: { product: string; action: string },
  requestId: string,
  fields: Record<string, unknown>,
): Answer {
  const { contentType, result } = encoders[format];
  return { status: 200, contentType, body: result(call.product, call.action, { ...fields, RequestId: requestId }) };
}

/** The answer of a failed call: HttpStatus, Code, Message, RequestId, and for a denial AccessDeniedDetail. */
export function encodeError(format: Exclude<AnswerFormat, 'protobuf'>, requestId: string, error: ApiError): Answer {
  const fields = {
    HttpStatus: error.httpStatus,
    Code: error.code,
    Message: error.message,
    RequestId: requestId,
    ...(error.detail === undefined ? {} : { AccessDeniedDetail: error.detail }),
  };
  const { contentType, error: encode } = encoders[format];
  return { status: error.httpStatus, contentType, body: encode(fields) };
}
