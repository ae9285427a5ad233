import type { KeyObject } from 'node:crypto';
import { lengthPrefixed, openAead, sealAead, type Random } from '../crypto/aead.ts';

/**
 * A sealed value: format 1 (one byte) ‖ number of the data-encryption key (32 bits, big-endian) ‖ IV ‖ ciphertext ‖ tag.
 * The associated data are bucket, key, revision and those first five bytes.
 */
const format = 1;
const headBytes = 5;

/** Where a value stands: what its ciphertext is bound to. */
export interface ValuePlace {
  bucket: string;
  key: string;
  revision: number;
}

/** A stored value does not open where it stands: it was changed, moved from another key, or put back from earlier. */
export class TamperedValueError extends Error {
  readonly bucket: string;
  readonly key: string;

  constructor(bucket: string, key: string) {
    const where = `${JSON.stringify(key)} of bucket ${JSON.stringify(bucket)}`;
    super(
      `The stored value of key ${where} does not authenticate. Restore the store from a backup, and look for who wrote to it.`,
    );
    this.name = 'TamperedValueError';
    this.bucket = bucket;
    this.key = key;
  }
}

function headOf(keyId: number): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt8(format);
  head.writeUInt32BE(keyId, 1);
  return head;
}

function aadOf({ bucket, key, revision }: ValuePlace, head: Uint8Array): Buffer {
  return lengthPrefixed(bucket, key, String(revision), head);
}

/** Seals a value for one place under data-encryption key number `keyId`. */
export function sealValue(
  dek: { id: number; key: KeyObject },
  place: ValuePlace,
  plaintext: Uint8Array,
  random: Random,
): Buffer {
  const head = headOf(dek.id);
  return Buffer.concat([head, sealAead(dek.key, plaintext, aadOf(place, head), random)]);
}

/** Number of the data-encryption key of a sealed value; undefined when it is not in the format. */
export function keyIdOf(sealed: Uint8Array): number | undefined {
  if (sealed.length < headBytes || sealed[0] !== format) return undefined;
  return Buffer.from(sealed.buffer, sealed.byteOffset, headBytes).readUInt32BE(1);
}

/** Opens a sealed value. Throws AeadError when it is not the one that was sealed for this place. */
export function openValue(key: KeyObject, place: ValuePlace, sealed: Uint8Array): Buffer {
  return openAead(key, sealed.subarray(headBytes), aadOf(place, sealed.subarray(0, headBytes)));
}
