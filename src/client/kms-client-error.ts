import { errorTable, type ErrorCode } from '../lib/error-table.ts';

export interface KmsClientErrorOptions {
  code: string;
  message: string;
  /** 0 when no answer came. */
  httpStatus: number;
  retryable: boolean;
  mayHaveActed?: boolean;
  requestId?: string;
  /** `AccessDeniedDetail` of the answer: which rule refused. */
  detail?: Readonly<Record<string, string>>;
  cause?: unknown;
}

/**
 * A call that failed: answered with an error, or not answered (`code` is then `ConnectionFailed`, `CertificateRefused`,
 * `DeadlineExceeded` or
 * `InvalidResponse`). The message holds what the server said and never a parameter or a credential.
 */
export class KmsClientError extends Error {
  readonly code: string;
  readonly httpStatus: number;
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;
  /**
   * Whether the server may have done what was asked, although no success was answered. The client repeats such a call by
   * itself only where nothing is done twice; otherwise look before you repeat it.
   */
  readonly mayHaveActed: boolean;
  readonly requestId: string | undefined;
  readonly detail: Readonly<Record<string, string>> | undefined;

  constructor(options: KmsClientErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'KmsClientError';
    this.code = options.code;
    this.httpStatus = options.httpStatus;
    this.retryable = options.retryable;
    this.mayHaveActed = options.mayHaveActed ?? false;
    this.requestId = options.requestId;
    this.detail = options.detail;
  }
}

/** Narrows an unknown to a {@link KmsClientError}, of one code when it is given. */
export function isKmsClientError(error: unknown, code?: string): error is KmsClientError {
  return error instanceof KmsClientError && (code === undefined || error.code === code);
}

/** Whether a server that answers `code` with `httpStatus` may answer otherwise later. */
export function isRetryableAnswer(code: string, httpStatus: number): boolean {
  if (Object.hasOwn(errorTable, code)) return errorTable[code as ErrorCode].retryable === true;
  return httpStatus === 429 || httpStatus >= 500 || code.includes('Throttling');
}
