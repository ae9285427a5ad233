/** Writer of DER (ITU-T X.690): each function gives one encoded value. */

const universal = { boolean: 0x01, integer: 0x02, bitString: 0x03, octetString: 0x04, null: 0x05, oid: 0x06 } as const;

/** A value of a tag whose contents are already encoded. */
export function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
}

export function derSequence(...items: readonly Buffer[]): Buffer {
  return der(0x30, ...items);
}

export function derSet(...items: readonly Buffer[]): Buffer {
  return der(0x31, ...items);
}

/** `[number]` around encoded values: explicit, or implicit of a constructed type. */
export function derContext(number: number, ...items: readonly Buffer[]): Buffer {
  return der(0xa0 | number, ...items);
}

/** `[number]` in place of a primitive type's tag. */
export function derContextPrimitive(number: number, content: Buffer): Buffer {
  return der(0x80 | number, content);
}

export function derBoolean(value: boolean): Buffer {
  return der(universal.boolean, Buffer.from([value ? 0xff : 0x00]));
}

/** A whole number that is not negative, from its big-endian bytes. */
export function derInteger(value: number | Buffer): Buffer {
  let bytes = typeof value === 'number' ? numberBytes(value) : value;
  while (bytes.length > 1 && bytes[0] === 0) bytes = bytes.subarray(1);
  // The first bit is the sign.
  const needsZero = bytes.length === 0 || (bytes[0] ?? 0) >= 0x80;
  return der(universal.integer, needsZero ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes);
}

/** `unusedBits` of the last byte do not count. */
export function derBitString(bytes: Buffer, unusedBits = 0): Buffer {
  return der(universal.bitString, Buffer.from([unusedBits]), bytes);
}

export function derOctetString(bytes: Buffer): Buffer {
  return der(universal.octetString, bytes);
}

export function derNull(): Buffer {
  return der(universal.null);
}

/** An object identifier from its dotted text. */
export function derOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return der(universal.oid, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

export function derUtf8String(text: string): Buffer {
  return der(0x0c, Buffer.from(text, 'utf8'));
}

/** Letters, digits and `'()+,-./:=?` only. */
export function derPrintableString(text: string): Buffer {
  return der(0x13, Buffer.from(text, 'ascii'));
}

/** ASCII only. */
export function derIa5String(text: string): Buffer {
  return der(0x16, Buffer.from(text, 'ascii'));
}

/** A time in certificates: UTCTime to 2049, GeneralizedTime from then on (RFC 5280 §4.1.2.5). Drops milliseconds. */
export function derTime(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+Z$/g, '');
  const isUtcTime = digits < '2050';
  return der(isUtcTime ? 0x17 : 0x18, Buffer.from(`${isUtcTime ? digits.slice(2) : digits}Z`, 'ascii'));
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes = numberBytes(length);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

function numberBytes(value: number): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

/** A part of an object identifier: seven bits a byte, the first bit set on all but the last. */
function base128(part: number): number[] {
  const bytes = [part % 128];
  for (let rest = Math.floor(part / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift((rest % 128) | 0x80);
  return bytes;
}
