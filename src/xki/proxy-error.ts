/** Every error of the XKS proxy API 1.0.3 and its HTTP status. */
export const proxyErrors = {
  ValidationException: 400,
  InvalidStateException: 400,
  InvalidCiphertextException: 400,
  InvalidKeyUsageException: 400,
  AuthenticationFailedException: 401,
  AccessDeniedException: 403,
  KeyNotFoundException: 404,
  InvalidUriPathException: 404,
  MethodNotAllowedException: 405,
  ThrottlingException: 429,
  InternalException: 500,
  UnsupportedOperationException: 501,
  DependencyTimeoutException: 503,
} as const;

export type ProxyErrorName = keyof typeof proxyErrors;

/** An error that the proxy answers. The message is printable ASCII below 512 characters, and holds nothing secret. */
export class ProxyError extends Error {
  readonly errorName: ProxyErrorName;

  constructor(errorName: ProxyErrorName, message: string, options?: { cause: unknown }) {
    super(message, options);
    this.name = 'ProxyError';
    this.errorName = errorName;
  }

  get httpStatus(): number {
    return proxyErrors[this.errorName];
  }
}
