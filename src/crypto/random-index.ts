import type { RandomBytes } from './uuid.ts';

/**
 * A whole number from 0 to `count - 1`, each equally likely: bytes in the uneven rest are drawn again. `count` is 1 to
 * 256.
 */
export function randomIndex(random: RandomBytes, count: number): number {
  if (!Number.isInteger(count) || count < 1 || count > 256) throw new RangeError('count must be 1 to 256');
  const limit = 256 - (256 % count);
  for (;;) {
    const byte = random(1)[0] ?? limit;
    if (byte < limit) return byte % count;
  }
}
