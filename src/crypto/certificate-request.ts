import type { KeyObject } from 'node:crypto';
import { encodeName, extensions, pem, type DistinguishedName } from './certificate.ts';
import { derBitString, derContext, derInteger, derNull, derOid, derSequence, derSet } from './der.ts';
import { messageDigest } from './message-digest.ts';

/** How a key signs requests: the algorithm of KMS, and the one that the request names. */
export interface RequestSignature {
  /** Of the key-spec table, over the digest that {@link messageDigest} gives. */
  readonly algorithm: 'RSA_PKCS1_SHA_256' | 'ECDSA_SHA_256' | 'SM2DSA';
  readonly identifier: Buffer;
}

/** SM2 over SM3, with the default signer id (GM/T 0009 §10). */
export const sm2WithSm3Oid = '1.2.156.10197.1.501';

/** Key spec → signature of its certificate requests (RFC 8017 A.2.4, RFC 5758 §3.2, GM/T 0006 for SM2 with SM3). */
export const requestSignatures: ReadonlyMap<string, RequestSignature> = new Map([
  [
    'RSA_2048',
    {
      algorithm: 'RSA_PKCS1_SHA_256',
      identifier: derSequence(derOid('1.2.840.113549.1.1.11'), derNull()),
    },
  ],
  ['EC_P256', { algorithm: 'ECDSA_SHA_256', identifier: derSequence(derOid('1.2.840.10045.4.3.2')) }],
  ['EC_SM2', { algorithm: 'SM2DSA', identifier: derSequence(derOid(sm2WithSm3Oid)) }],
]);

/** What a certificate request says. */
export interface RequestContent {
  readonly subject: DistinguishedName;
  /** Names of the extension subjectAltName; it is left out when there are none. */
  readonly dnsNames: readonly string[];
  readonly publicKey: KeyObject;
  readonly signature: RequestSignature;
  /** Signs the digest of what is to be signed, wherever the private key is. */
  readonly signDigest: (algorithm: string, digest: Buffer) => Promise<Buffer>;
}

const extensionRequestOid = '1.2.840.113549.1.9.14';

/** Makes a certificate request (PKCS #10, RFC 2986): its PEM, as authorities take it. */
export async function createCertificateRequest(content: RequestContent): Promise<string> {
  const { subject, dnsNames, publicKey, signature } = content;
  const requested =
    dnsNames.length === 0
      ? []
      : [derSequence(derOid(extensionRequestOid), derSet(derSequence(extensions.alternativeNames(dnsNames, []))))];
  const toBeSigned = derSequence(
    derInteger(0),
    encodeName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    derContext(0, ...requested),
  );
  const digest = messageDigest(signature.algorithm, publicKey, toBeSigned);
  const signed = await content.signDigest(signature.algorithm, digest);
  return pem('CERTIFICATE REQUEST', derSequence(toBeSigned, signature.identifier, derBitString(signed)));
}
