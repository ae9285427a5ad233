import { createHash } from 'node:crypto';

/** Pairs that bind a ciphertext to its purpose. Given again, equal, to decrypt; not stored in the ciphertext. */
export type EncryptionContext = Readonly<Record<string, string>>;

/** Most characters of an encryption context, written as JSON (KMS Encrypt). */
export const maxContextCharacters = 8192;

/** The context cannot be read. The message completes "EncryptionContext …" and holds nothing of its content. */
export class EncryptionContextError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'EncryptionContextError';
  }
}

const shape = 'must be a JSON object whose values are strings, such as {"purpose":"backup"}';

/**
 * Reads a context from what a protocol gave: JSON text of an object, or an object made of `EncryptionContext.<k>=<v>`
 * parameters. Throws {@link EncryptionContextError} unless it maps strings to strings within the size limit. A key
 * such as `__proto__` is a key like any other.
 */
export function parseEncryptionContext(value: unknown): EncryptionContext {
  if (typeof value === 'string' && value.length > maxContextCharacters) throw tooLong();
  const pairs = typeof value === 'string' ? parseJson(value) : value;
  if (typeof pairs !== 'object' || pairs === null || Array.isArray(pairs)) throw new EncryptionContextError(shape);
  const context = Object.create(null) as Record<string, string>;
  for (const [key, item] of Object.entries(pairs)) {
    if (typeof item !== 'string') throw new EncryptionContextError(shape);
    context[key] = item;
  }
  if (JSON.stringify(context).length > maxContextCharacters) throw tooLong();
  return context;
}

/**
 * The additional authenticated data of a context: the 32 bytes of SHA-256 over its `k=v` pairs, sorted by the bytes of
 * the key and joined by `&`. No pairs at all give no data. (The form of Alibaba Cloud's Go transfer client. It does not
 * escape, so contexts that print alike are alike: {"a":"1&b=2"} and {"a":"1","b":"2"}.)
 */
export function encryptionContextAad(context: EncryptionContext): Buffer {
  const keys = Object.keys(context);
  if (keys.length === 0) return Buffer.alloc(0);
  const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8')));
  const text = sorted.map((key) => `${key}=${context[key] ?? ''}`).join('&');
  return createHash('sha256').update(text, 'utf8').digest();
}

function tooLong(): EncryptionContextError {
  return new EncryptionContextError(`must not be longer than ${maxContextCharacters} characters`);
}

function parseJson(text: string): unknown {
  if (text === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new EncryptionContextError(shape);
  }
}
