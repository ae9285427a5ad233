import { isKmsClientError } from '../client/kms-client-error.ts';
import { messageOf } from '../lib/errors.ts';

/**
 * What a person is told of a failure, as lines: the code and HTTP status of an answer before its message, then which rule
 * refused, and the request id under which the audit log has it.
 */
export function failureText(error: unknown): string {
  if (!isKmsClientError(error)) return listenFailure(error) ?? spaceFailure(error) ?? messageOf(error);
  const { code, httpStatus, detail, requestId } = error;
  const status = httpStatus === 0 ? '' : ` (HTTP ${httpStatus})`;
  const rule = Object.entries(detail ?? {}).map(([name, value]) => `  ${name}: ${value}`);
  const request = requestId === undefined ? [] : [`  RequestId: ${requestId}`];
  return [`${code}${status}: ${error.message}`, ...rule, ...request].join('\n');
}

/** What Node says of an address at which nothing more can listen names neither the reason nor the setting. */
function listenFailure(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'EADDRINUSE') return undefined;
  const { address = '::', port = 0 } = error as { address?: string; port?: number };
  const place = address === '::' ? `port ${port}` : `${address}, port ${port}`;
  return `Another process listens at ${place} already. End it, or set another address: KAAP_LISTEN or KAAP_METRICS_LISTEN, listen in the file of xki-proxy.`;
}

/** `SQLITE_FULL` of sqlite3.h, as node:sqlite has it in `errcode`. */
const sqliteFull = 13;

function spaceFailure(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  if (code !== 'ENOSPC' && code !== 'EDQUOT' && errcode !== sqliteFull) return undefined;
  return 'No space is left on the disk that this program writes to; kms writes to KAAP_DATA_DIR, xki-proxy to its auditDir. Make space and start it again.';
}
