/** Ranks UTF-16 code units as their UTF-8 bytes are ranked: surrogates, which stand for U+10000 and up, come last. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** Compares two well-formed texts by their UTF-8 bytes: negative, zero or positive. */
export function compareUtf8(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index += 1) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a !== b) return rank(a) - rank(b);
  }
  return left.length - right.length;
}

/** The least text that is greater than every text with `prefix`; undefined when there is none. */
export function prefixEnd(prefix: string): string | undefined {
  const points = Array.from(prefix);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const point = last.codePointAt(0) ?? 0;
    if (point !== 0x10ffff) return points.join('') + String.fromCodePoint(point === 0xd7ff ? 0xe000 : point + 1);
  }
  return undefined;
}

/**
 * Refuses a bucket or key that some store cannot hold: an unpaired surrogate has no UTF-8, and SQL texts end at NUL.
 * Throws a TypeError that does not hold the text.
 */
export function assertStoreText(what: 'bucket' | 'key' | 'prefix', text: string): void {
  if (!text.isWellFormed() || text.includes('\0')) {
    throw new TypeError(`A ${what} must be well-formed Unicode without NUL.`);
  }
}
