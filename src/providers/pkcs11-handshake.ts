import { createHmac, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';

/**
 * Node cannot ask the kernel who is at the other end of a Unix socket (SO_PEERCRED). Instead the socket is in a folder of
 * mode 0700, and beside it a secret of mode 0600 that both sides prove to know: whoever may read it is the same user
 * in a container that mounts the folder.
 */
export const handshakeBytes = 32;

/** Path of the secret that goes with a socket. */
export function handshakeFile(socket: string): string {
  return join(socket, '..', 'handshake');
}

/** What a side answers to the other's nonce. */
export function handshakeProof(secret: Buffer, side: 'client' | 'server', nonce: Uint8Array): Buffer {
  return createHmac('sha256', secret).update(`kaap hsm ${side} v1`).update(nonce).digest();
}

/** Compares in constant time. */
export function isHandshakeProof(proof: Uint8Array | undefined, expected: Buffer): boolean {
  return proof?.length === expected.length && timingSafeEqual(proof, expected);
}
