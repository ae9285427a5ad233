/** Wraps the root key of the barrier with a key that is held elsewhere: a file, a Kubernetes Secret, an HSM, an XKI. */
export interface Seal {
  /** Names the kind in the stored record, such as `file`. */
  readonly kind: string;
  /** Gives bytes that only this seal can turn back into `rootKey`. */
  wrap(rootKey: Buffer): Promise<Buffer>;
  /** Gives the root key. Throws {@link SealError} when these bytes were not wrapped by this seal. */
  unwrap(wrapped: Buffer): Promise<Buffer>;
}

/** The seal cannot be used, or is not the one that wrapped the root key. The message says what to do. */
export class SealError extends Error {
  constructor(message: string, options?: { cause: unknown }) {
    super(message, options);
    this.name = 'SealError';
  }
}
