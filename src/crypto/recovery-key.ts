import {
  createHash,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  generateKeyPairSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import { lengthPrefixed, openAead, sealAead } from './aead.ts';
import { hkdfSha256 } from './kdf.ts';

/**
 * A key wrapped for the holder of an X25519 private key: ephemeral-static Diffie-Hellman, HKDF-SHA-256 over both public
 * keys, AES-256-GCM. Whoever wraps needs the public key only, and cannot unwrap what he wrapped.
 */
export interface WrappedKey {
  /** DER (SubjectPublicKeyInfo) of the key pair made for this wrapping, base64. */
  ephemeral: string;
  /** IV ‖ ciphertext ‖ tag, base64. */
  wrapped: string;
}

/** A new recovery key, PEM. */
export function generateRecoveryKey(): { privatePem: string; publicPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  return {
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }),
  };
}

/** First 16 hexadecimal digits of the SHA-256 of a public key: tells which recovery key a backup needs. */
export function recoveryKeyId(key: KeyObject): string {
  return createHash('sha256').update(derOf(key)).digest('hex').slice(0, 16);
}

/** Wraps 32 bytes for the holder of the private half. `label` binds the purpose and is needed to unwrap. */
export function wrapKey(recipient: KeyObject, key: Buffer, label: string): WrappedKey {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  const ephemeral = derOf(publicKey);
  const kek = agree(privateKey, recipient, ephemeral, derOf(recipient));
  const wrapped = sealAead(kek, key, Buffer.from(label, 'utf8'), randomBytes);
  return { ephemeral: ephemeral.toString('base64'), wrapped: wrapped.toString('base64') };
}

/** Unwraps what {@link wrapKey} wrapped. Throws AeadError for another private key, label or bytes. */
export function unwrapKey(privateKey: KeyObject, { ephemeral, wrapped }: WrappedKey, label: string): Buffer {
  const theirs = Buffer.from(ephemeral, 'base64');
  const publicKey = createPublicKey({ key: theirs, format: 'der', type: 'spki' });
  const kek = agree(privateKey, publicKey, theirs, derOf(privateKey));
  return openAead(kek, Buffer.from(wrapped, 'base64'), Buffer.from(label, 'utf8'));
}

function derOf(key: KeyObject): Buffer {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return publicKey.export({ type: 'spki', format: 'der' });
}

function agree(privateKey: KeyObject, publicKey: KeyObject, ephemeral: Buffer, recipient: Buffer): KeyObject {
  const shared = diffieHellman({ privateKey, publicKey });
  const bytes = hkdfSha256(shared, lengthPrefixed(ephemeral, recipient), 'kaap recovery key v1', 32);
  shared.fill(0);
  const kek = createSecretKey(bytes);
  bytes.fill(0);
  return kek;
}
