import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/**
 * Bytes that must not be printed. Every way in which JavaScript turns a value into text (string conversion, JSON,
 * `util.inspect`) gives `[redacted]`; only {@link SecretBytes.reveal} gives the bytes.
 */
export class SecretBytes {
  readonly #bytes: Buffer;

  /** Takes ownership of `bytes`: they are zeroed by {@link SecretBytes.wipe}. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  static fromUtf8(text: string): SecretBytes {
    return new SecretBytes(Buffer.from(text, 'utf8'));
  }

  /** The bytes themselves, not a copy. */
  reveal(): Buffer {
    return this.#bytes;
  }

  /** Length in bytes. */
  get length(): number {
    return this.#bytes.length;
  }

  /** Overwrites the bytes with zeros. */
  wipe(): void {
    this.#bytes.fill(0);
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }
}

Object.defineProperty(SecretBytes.prototype, inspect.custom, { value: () => REDACTED });
