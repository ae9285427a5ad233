import { createHash, timingSafeEqual } from 'node:crypto';

/** The padding is not one that OAEP makes. It never says what is wrong with it (RFC 8017 §7.1.2, note). */
export class OaepError extends Error {
  constructor() {
    super('The padding does not decode.');
    this.name = 'OaepError';
  }
}

/**
 * EME-OAEP decoding with an empty label (RFC 8017 §7.1.2 step 3), for tokens that have the bare RSA operation only. Every
 * check is made before the one decision, and without a branch on a byte of the padding.
 */
export function decodeOaep(encoded: Buffer, hash: 'sha1' | 'sha256'): Buffer {
  const emptyLabel = createHash(hash).digest();
  const seedEnd = 1 + emptyLabel.length;
  const maskedBlock = encoded.subarray(seedEnd);
  const seed = xor(encoded.subarray(1, seedEnd), mgf1(maskedBlock, emptyLabel.length, hash));
  const block = xor(maskedBlock, mgf1(seed, maskedBlock.length, hash));
  const labelFits = timingSafeEqual(block.subarray(0, emptyLabel.length), emptyLabel) ? 1 : 0;
  let start = 0;
  let searching = 1;
  let padding = 0;
  for (let at = emptyLabel.length; at < block.length; at += 1) {
    const byte = block[at] ?? 0;
    const isOne = (((byte ^ 0x01) - 1) >>> 31) & 1;
    const isZero = ((byte - 1) >>> 31) & 1;
    start |= (searching & isOne) * (at + 1);
    padding |= searching & (1 - isOne) & (1 - isZero);
    searching &= 1 - isOne;
  }
  const firstIsZero = (((encoded[0] ?? 1) - 1) >>> 31) & 1;
  const fine = labelFits & firstIsZero & (1 - searching) & (1 - padding);
  seed.fill(0);
  if (fine === 1) return block.subarray(start);
  block.fill(0);
  throw new OaepError();
}

/** MGF1 (RFC 8017 B.2.1). */
function mgf1(seed: Uint8Array, length: number, hash: string): Buffer {
  const blocks: Buffer[] = [];
  const counter = Buffer.alloc(4);
  for (let made = 0, i = 0; made < length; i += 1) {
    counter.writeUInt32BE(i);
    const block = createHash(hash).update(seed).update(counter).digest();
    blocks.push(block);
    made += block.length;
  }
  return Buffer.concat(blocks, length);
}

function xor(left: Uint8Array, right: Uint8Array): Buffer {
  return Buffer.from(left.map((byte, at) => byte ^ (right[at] ?? 0)));
}
