import { isKmsClientError } from '../client/kms-client-error.ts';
import { messageOf } from '../lib/errors.ts';

/**
 * What a person is told of a failure, as lines: the code and HTTP status of an answer before its message, then which rule
 * refused, and the request id under which the audit log has it.
 */
export function failureText(error: unknown): string {
  if (!isKmsClientError(error)) return messageOf(error);
  const { code, httpStatus, detail, requestId } = error;
  const status = httpStatus === 0 ? '' : ` (HTTP ${httpStatus})`;
  const rule = Object.entries(detail ?? {}).map(([name, value]) => `  ${name}: ${value}`);
  const request = requestId === undefined ? [] : [`  RequestId: ${requestId}`];
  return [`${code}${status}: ${error.message}`, ...rule, ...request].join('\n');
}
