import type { ApiError } from '../lib/errors.ts';
import { encodeXml } from './encode-xml.ts';

/** An answer ready to be sent. */
export interface Answer {
  status: number;
  contentType: string;
  /** Besides those that every answer has. */
  headers?: Readonly<Record<string, string>>;
  body: string | Uint8Array;
}

/** Writes answers in one format. */
export interface AnswerEncoder {
  /** The answer of a successful call: the action's fields and the request id. */
  readonly result: (product: string, action: string, requestId: string, fields: Record<string, unknown>) => Answer;
  /** The answer of a failed call. */
  readonly error: (requestId: string, error: ApiError) => Answer;
}

/** HttpStatus, Code, Message, RequestId, and for a denial AccessDeniedDetail. */
function errorFields(requestId: string, error: ApiError): object {
  return {
    HttpStatus: error.httpStatus,
    Code: error.code,
    Message: error.message,
    RequestId: requestId,
    ...(error.detail === undefined ? {} : { AccessDeniedDetail: error.detail }),
  };
}

const json = 'application/json;charset=utf-8';
/** Spelled so: Alibaba's SDKs parse XML for exactly this type. */
const xml = 'text/xml;charset=utf-8';

/** Answers as JSON objects. */
export const jsonAnswers: AnswerEncoder = {
  result: (_product, _action, requestId, fields) => ({
    status: 200,
    contentType: json,
    body: JSON.stringify({ ...fields, RequestId: requestId }),
  }),
  error: (requestId, error) => ({
    status: error.httpStatus,
    contentType: json,
    body: JSON.stringify(errorFields(requestId, error)),
  }),
};

/** Answers as XML: KMS names the root after itself, the other products after the action; errors are `Error`. */
export const xmlAnswers: AnswerEncoder = {
  result: (product, action, requestId, fields) => ({
    status: 200,
    contentType: xml,
    body: encodeXml(product === 'Kms' ? 'KMS' : `${action}Response`, { ...fields, RequestId: requestId }),
  }),
  error: (requestId, error) => ({
    status: error.httpStatus,
    contentType: xml,
    body: encodeXml('Error', errorFields(requestId, error)),
  }),
};
