import { createHash } from 'node:crypto';
import { AeadError, aeadTagBytes, decryptAesGcm, encryptAesGcm } from './aead.ts';

/**
 * A stream of bytes in authenticated chunks, after the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015): the
 * nonce is the number of the chunk (11 bytes, big-endian) and whether it is the last (1 byte). So chunks can be neither
 * changed, moved, repeated nor left out, and an end that was cut off is seen. One key seals one stream, never two.
 *
 * On disk: length of the sealed chunk (32 bits, big-endian) ‖ ciphertext ‖ tag, again and again.
 */
export const chunkBytes = 65_536;

function nonceOf(index: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(index, 5, 6);
  nonce.writeUInt8(last ? 1 : 0, 11);
  return nonce;
}

function aadOf(header: Uint8Array): Buffer {
  return createHash('sha256').update(header).digest();
}

function sealChunk(key: Uint8Array, index: number, last: boolean, plaintext: Uint8Array, aad: Buffer): Buffer {
  const { ciphertext, tag } = encryptAesGcm(key, nonceOf(index, last), plaintext, aad);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(ciphertext.length + tag.length);
  return Buffer.concat([length, ciphertext, tag]);
}

/** Seals a stream under a key of 32 bytes that is used for nothing else. `header` is bound to it. */
export async function* sealStream(
  key: Uint8Array,
  header: Uint8Array,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  const aad = aadOf(header);
  let pending: Buffer = Buffer.alloc(0);
  let index = 0;
  for await (const piece of source) {
    pending = Buffer.concat([pending, piece]);
    while (pending.length > chunkBytes) {
      yield sealChunk(key, index, false, pending.subarray(0, chunkBytes), aad);
      pending = pending.subarray(chunkBytes);
      index += 1;
    }
  }
  yield sealChunk(key, index, true, pending, aad);
}

/** Opens what {@link sealStream} made. Throws AeadError at the first chunk that is not as it was, and at a missing end. */
export async function* openStream(
  key: Uint8Array,
  header: Uint8Array,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  const aad = aadOf(header);
  let ended = false;
  let index = 0;
  for await (const sealed of sealedChunks(source)) {
    if (ended) throw new AeadError();
    const end = sealed.length - aeadTagBytes;
    // Only the last chunk may be shorter, so its length tells which nonce it has, unless it happens to be full.
    const parts = [sealed.subarray(0, end), sealed.subarray(end)] as const;
    const full = end === chunkBytes;
    const plaintext = full ? tryOpen(key, index, false, parts, aad) : undefined;
    ended = plaintext === undefined;
    yield plaintext ?? decryptAesGcm(key, nonceOf(index, true), ...parts, aad);
    index += 1;
  }
  if (!ended) throw new AeadError();
}

function tryOpen(
  key: Uint8Array,
  index: number,
  last: boolean,
  [ciphertext, tag]: readonly [Buffer, Buffer],
  aad: Buffer,
): Buffer | undefined {
  try {
    return decryptAesGcm(key, nonceOf(index, last), ciphertext, tag, aad);
  } catch (error) {
    if (error instanceof AeadError) return undefined;
    throw error;
  }
}

async function* sealedChunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let pending: Buffer = Buffer.alloc(0);
  for await (const piece of source) {
    pending = Buffer.concat([pending, piece]);
    while (pending.length >= 4) {
      const length = pending.readUInt32BE(0);
      if (length < aeadTagBytes || length > chunkBytes + aeadTagBytes) throw new AeadError();
      if (pending.length < 4 + length) break;
      yield pending.subarray(4, 4 + length);
      pending = pending.subarray(4 + length);
    }
  }
  if (pending.length > 0) throw new AeadError();
}
