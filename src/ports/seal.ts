/** Wraps the root key of the barrier with a key that is held elsewhere: in a file, in an HSM, or by its owner. */
export interface Seal {
  /** Names the kind in the stored record: `file`, `hsm` or `xki`. */
  readonly kind: string;
  /** Gives bytes that only this seal can turn back into `rootKey`. */
  wrap(rootKey: Buffer): Promise<Buffer>;
  /** Gives the root key. Throws {@link SealError} when these bytes were not wrapped by this seal. */
  unwrap(wrapped: Buffer): Promise<Buffer>;
  /** Lets go of the connection to where the key is. Absent where there is none. */
  close?(): Promise<void>;
}

/** The seal cannot be used, or is not the one that wrapped the root key. The message says what to do. */
export class SealError extends Error {
  constructor(message: string, options?: { cause: unknown }) {
    super(message, options);
    this.name = 'SealError';
  }
}

/** What holds the key of the seal does not work now. The same call may succeed once it does. */
export class SealUnavailableError extends SealError {
  constructor(message: string, options?: { cause: unknown }) {
    super(message, options);
    this.name = 'SealUnavailableError';
  }
}
