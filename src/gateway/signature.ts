import { createHmac, createPublicKey, randomBytes, timingSafeEqual, verify, type KeyObject } from 'node:crypto';
import { SecretBytes } from '../lib/secret-bytes.ts';

/** What a signature is checked with. */
export type VerificationKey = { kind: 'AccessKey'; secret: SecretBytes } | { kind: 'ClientKey'; publicKey: KeyObject };

/** Checks one signature. */
export interface SignatureVerifier {
  /** The kind of key that makes such signatures. */
  readonly keyKind: VerificationKey['kind'];
  /** `false` for a key of the other kind. */
  readonly verify: (key: VerificationKey) => boolean;
}

/** Whether two byte strings are equal, in time that depends on their lengths only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Verifies an HMAC. `keyOf` derives the HMAC key from the access key secret. */
export function hmacVerifier(
  digest: 'sha1' | 'sha256' | 'sm3',
  text: string,
  signature: Buffer,
  keyOf: (secret: Buffer) => Buffer = (secret) => secret,
): SignatureVerifier {
  return {
    keyKind: 'AccessKey',
    verify: (key) =>
      key.kind === 'AccessKey' &&
      equalBytes(createHmac(digest, keyOf(key.secret.reveal())).update(text).digest(), signature),
  };
}

/** Verifies RSASSA-PKCS1-v1_5 with SHA-256. */
export function rsaVerifier(text: string, signature: Buffer): SignatureVerifier {
  return {
    keyKind: 'ClientKey',
    verify: (key) =>
      key.kind === 'ClientKey' &&
      key.publicKey.asymmetricKeyType === 'rsa' &&
      verify('sha256', Buffer.from(text), key.publicKey, signature),
  };
}

/** Modulus of an RSA-2048 key whose private half was never kept: nothing verifies with it. */
const decoyModulus = randomBytes(256);
decoyModulus[0] = 0xff;
decoyModulus[255] = 0xff;

const decoys: Readonly<Record<VerificationKey['kind'], VerificationKey>> = {
  AccessKey: { kind: 'AccessKey', secret: new SecretBytes(randomBytes(30)) },
  ClientKey: {
    kind: 'ClientKey',
    publicKey: createPublicKey({
      key: { kty: 'RSA', n: decoyModulus.toString('base64url'), e: 'AQAB' },
      format: 'jwk',
    }),
  },
};

/** A key that verifies nothing, so that an unknown key id costs the same time as a wrong signature (checklist C11). */
export function decoyKey(kind: VerificationKey['kind']): VerificationKey {
  return decoys[kind];
}
