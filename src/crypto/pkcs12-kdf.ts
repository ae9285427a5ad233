import { hash as hashOnce } from 'node:crypto';

/** What derived bytes are for: the `ID` of RFC 7292 B.3. */
export const pkcs12Purpose = { key: 1, iv: 2, mac: 3 } as const;

/** Password, salt and count of a derivation. */
export interface Pkcs12Derivation {
  /** As {@link pkcs12Password} gives it. */
  password: Buffer;
  salt: Buffer;
  iterations: number;
}

const blockBytes = 64;
const hashBytes = 20;

/** A password as PKCS#12 hashes it: UTF-16, big-endian, with two zero bytes at the end (RFC 7292 B.1). */
export function pkcs12Password(password: string): Buffer {
  return Buffer.from(`${password}\0`, 'utf16le').swap16();
}

/** Derives `length` bytes with SHA-1 (RFC 7292 B.2). Costs `iterations` hashes for each 20 bytes. */
export function derivePkcs12(purpose: number, derivation: Pkcs12Derivation, length: number): Buffer {
  const { password, salt, iterations } = derivation;
  const diversifier = Buffer.alloc(blockBytes, purpose);
  const input = Buffer.concat([fill(salt), fill(password)]);
  const blocks: Buffer[] = [];
  while (blocks.length * hashBytes < length) {
    let hash = hashOnce('sha1', Buffer.concat([diversifier, input]), 'buffer');
    for (let i = 1; i < iterations; i += 1) hash = hashOnce('sha1', hash, 'buffer');
    blocks.push(hash);
    addToEachBlock(input, hash);
  }
  return Buffer.concat(blocks).subarray(0, length);
}

/** Repeats bytes to fill whole blocks; nothing stays nothing. */
function fill(bytes: Buffer): Buffer {
  return Buffer.alloc(Math.ceil(bytes.length / blockBytes) * blockBytes, bytes);
}

/** Step 6C: every block of the input grows by the hash, repeated to a block, plus one. */
function addToEachBlock(input: Buffer, hash: Buffer): void {
  const addend = Buffer.alloc(blockBytes, hash);
  for (let start = 0; start < input.length; start += blockBytes) {
    let carry = 1;
    for (let i = blockBytes - 1; i >= 0; i -= 1) {
      const sum = (input[start + i] ?? 0) + (addend[i] ?? 0) + carry;
      input[start + i] = sum & 0xff;
      carry = sum >> 8;
    }
  }
}
