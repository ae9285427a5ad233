/** metav1.Status, as far as it is read. */
interface StatusBody {
  kind?: unknown;
  message?: unknown;
  reason?: unknown;
  details?: { retryAfterSeconds?: unknown };
}

export interface KubeErrorOptions {
  retryAfterSeconds?: number | undefined;
  cause?: unknown;
}

/** A failure that the API server answered. The message is the server's own, shortened; it holds no request data. */
export class KubeError extends Error {
  /** HTTP status. */
  readonly status: number;
  /** metav1.StatusReason, such as `NotFound`, `AlreadyExists`, `Conflict`, `Expired`. `Unknown` when none was given. */
  readonly reason: string;
  /** When the server wants to be asked again. */
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, reason: string, message: string, options: KubeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'KubeError';
    this.status = status;
    this.reason = reason;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Longest part of a server's message that is kept. Admission webhooks may send pages. */
const maxMessageLength = 1000;

/**
 * Makes an error from an answer of the API server: a metav1.Status, or whatever a proxy on the way said. The server may
 * quote values of the request in its message; with `quotesRequest`, for requests that carry secrets, it is left out.
 */
export function kubeErrorFrom(
  httpStatus: number,
  body: string,
  retryAfter: string | undefined,
  options: { quotesRequest?: boolean } = {},
): KubeError {
  const status = parseStatus(body);
  const seconds = secondsOf(status?.details?.retryAfterSeconds) ?? secondsOf(retryAfter);
  const reason = typeof status?.reason === 'string' && status.reason !== '' ? status.reason : 'Unknown';
  const plain = `the API server answered ${httpStatus} ${reason}`;
  const message = typeof status?.message === 'string' && options.quotesRequest !== true ? status.message : plain;
  return new KubeError(httpStatus, reason, message.slice(0, maxMessageLength), { retryAfterSeconds: seconds });
}

function parseStatus(body: string): StatusBody | undefined {
  try {
    const value = JSON.parse(body) as StatusBody | null;
    return value !== null && typeof value === 'object' && value.kind === 'Status' ? value : undefined;
  } catch {
    return undefined;
  }
}

function secondsOf(value: unknown): number | undefined {
  const seconds = typeof value === 'string' ? Number(value) : value;
  return typeof seconds === 'number' && Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}

/** Narrows to a {@link KubeError}, of one HTTP status when it is given. */
export function isKubeError(error: unknown, status?: number): error is KubeError {
  return error instanceof KubeError && (status === undefined || error.status === status);
}

/** 404: the object, or its kind, does not exist. */
export function isNotFound(error: unknown): boolean {
  return isKubeError(error, 404);
}

/** 409 because somebody else wrote in between. Read again and decide again. */
export function isConflict(error: unknown): boolean {
  return isKubeError(error, 409) && error.reason !== 'AlreadyExists';
}

/** 409 because the name is taken. */
export function isAlreadyExists(error: unknown): boolean {
  return isKubeError(error, 409) && error.reason === 'AlreadyExists';
}

/** 410: the resourceVersion or the continue token is too old; only a new listing helps. */
export function isExpired(error: unknown): boolean {
  return isKubeError(error, 410);
}
