import { errorTable, type ErrorCode } from './error-table.ts';

export type { ErrorCode } from './error-table.ts';

export interface ApiErrorOptions {
  cause?: unknown;
  /** For a denial: which rule decided. Shown to the caller as `AccessDeniedDetail`, so it names rules, never values. */
  detail?: Readonly<Record<string, string>>;
}

/**
 * An error that an API answers: a stable `code` from the error table, and a message that tells the caller what to do.
 * A message never holds a secret, token, PIN or key byte.
 */
export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly detail: Readonly<Record<string, string>> | undefined;

  constructor(code: ErrorCode, message: string, options: ApiErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ApiError';
    this.code = code;
    this.detail = options.detail;
  }

  get httpStatus(): number {
    return errorTable[this.code].status;
  }

  /** Whether the same call may succeed later without a change. */
  get retryable(): boolean {
    return errorTable[this.code].retryable === true;
  }
}

/** Narrows an unknown to an {@link ApiError}, of one code when it is given. */
export function isApiError(error: unknown, code?: ErrorCode): error is ApiError {
  return error instanceof ApiError && (code === undefined || error.code === code);
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
