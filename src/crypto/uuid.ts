/** Source of random bytes: `crypto.randomBytes` in service, a seeded generator in tests. */
export type RandomBytes = (bytes: number) => Buffer;

/** A version 4 UUID (RFC 9562 §5.4) in lower-case text, 36 ASCII characters, from 16 bytes of `random`. */
export function uuidV4(random: RandomBytes): string {
  const bytes = random(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
