/** One value read from DER. */
export interface DerValue {
  /** The identifier octet. Tags over 30 are not used by what is read here. */
  readonly tag: number;
  readonly content: Buffer;
  /** Header and content. */
  readonly bytes: Buffer;
}

/** Bytes that are not DER, or not what was expected. Tells no content. */
export class DerError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DerError';
  }
}

/** Tags that callers expect. */
export const derTags = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
  context0: 0xa0,
} as const;

const maxLengthBytes = 3;

/** Reads exactly one value; bytes after it are refused. */
export function readDer(bytes: Buffer): DerValue {
  const value = readAt(bytes, 0);
  if (value.bytes.length !== bytes.length) throw new DerError('there are bytes after the end of the value');
  return value;
}

/** Reads the value that the bytes begin with, whatever follows. */
export function readFirst(bytes: Buffer): DerValue {
  return readAt(bytes, 0);
}

/** Reads exactly one value of a tag. */
export function readTagged(bytes: Buffer, tag: number): DerValue {
  return expectTag(readDer(bytes), tag);
}

/** The elements of a SEQUENCE that fills `bytes`. */
export function readSequence(bytes: Buffer): DerValue[] {
  return readElements(readTagged(bytes, derTags.sequence).content);
}

/** The values that follow one another in `content`. */
export function readElements(content: Buffer): DerValue[] {
  const values: DerValue[] = [];
  for (let at = 0; at < content.length;) {
    const value = readAt(content, at);
    values.push(value);
    at += value.bytes.length;
  }
  return values;
}

/** The value itself when it has that tag. Also refuses an absent one, for elements taken by position. */
export function expectTag(value: DerValue | undefined, tag: number): DerValue {
  if (value?.tag === tag) return value;
  throw new DerError('a value is missing or has another type than the format says');
}

/** A small whole number that is not negative. */
export function readSmallInteger(value: DerValue | undefined): number {
  const { content } = expectTag(value, derTags.integer);
  if (content.length === 0 || content.length > 4 || (content[0] ?? 0) >= 0x80) {
    throw new DerError('a number is too large or negative');
  }
  return content.readUIntBE(0, content.length);
}

/** Dotted text of an object identifier. */
export function readOid(value: DerValue | undefined): string {
  const { content } = expectTag(value, derTags.oid);
  const parts: number[] = [];
  let part = 0;
  for (const byte of content) {
    if (part > 0x1ffffff) throw new DerError('an object identifier is too long');
    part = part * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    parts.push(part);
    part = 0;
  }
  const [first = 0, ...rest] = parts;
  const head = Math.min(Math.floor(first / 40), 2);
  return [head, first - head * 40, ...rest].join('.');
}

function readAt(bytes: Buffer, at: number): DerValue {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw new DerError('a value is cut off');
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || lengthBytes > maxLengthBytes) throw new DerError('a length is indefinite or too large');
  if (at + 2 + lengthBytes > bytes.length) throw new DerError('a value is cut off');
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes);
  if (lengthBytes > 0 && length < (lengthBytes === 1 ? 0x80 : 1 << (8 * (lengthBytes - 1)))) {
    throw new DerError('a length is not written in its shortest form');
  }
  const from = at + 2 + lengthBytes;
  if (from + length > bytes.length) throw new DerError('a value is cut off');
  return { tag, content: bytes.subarray(from, from + length), bytes: bytes.subarray(at, from + length) };
}
