/** Makes request ids as Alibaba Cloud writes them: a random UUID in upper case. Draws randomness for 256 ids at a time. */
export function createRequestIds(random: (bytes: number) => Buffer): () => string {
  let pool: Buffer = Buffer.alloc(0);
  let used = 0;
  return () => {
    if (used + 16 > pool.length) {
      pool = random(4096);
      used = 0;
    }
    const bytes = pool.subarray(used, used + 16);
    used += 16;
    // RFC 9562 §5.4: version 4, variant 10.
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
    const hex = bytes.toString('hex').toUpperCase();
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  };
}
