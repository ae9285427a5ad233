import { X509Certificate, type KeyObject } from 'node:crypto';
import { sm2WithSm3Oid } from './certificate-request.ts';
import { derTags, expectTag, readOid, readSequence, readElements } from './der-reader.ts';
import { publicPoint, sm2MessageDigest } from './sm2.ts';
import { verifySm2Digest } from './sm2-signature.ts';

/** Certificates that do not belong together, or cannot be read. The message says which, and never repeats them. */
export class ChainError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ChainError';
  }
}

const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** Most certificates of a chain. Public ones have three. */
const maxChain = 10;

/** Reads the certificates of a PEM text. Text between them is refused. @throws ChainError. */
export function parseCertificates(text: string): X509Certificate[] {
  const blocks = text.match(block) ?? [];
  if (text.replaceAll(block, '').trim() !== '' || blocks.length > maxChain) {
    throw new ChainError(`Give at most ${maxChain} certificates in PEM, and nothing else.`);
  }
  return blocks.map((each) => {
    try {
      return new X509Certificate(each);
    } catch {
      throw new ChainError('A certificate in it cannot be read. Give what the authority sent, in PEM.');
    }
  });
}

/**
 * Makes sure that each certificate is issued and signed by the one after it, from `leaf` on; that those after it are
 * authorities; and that none of them is over at `now` (milliseconds since the Unix epoch). Whether the last one is to be
 * trusted is for those who rely on the certificate. @throws ChainError.
 */
export function verifyChain(leaf: X509Certificate, chain: readonly X509Certificate[], now: number): void {
  const all = [leaf, ...chain];
  for (const [at, certificate] of all.entries()) {
    const which = at === 0 ? 'The certificate' : `Certificate ${at} of the chain`;
    if (certificate.validToDate.getTime() <= now) throw new ChainError(`${which} is over. Have it issued again.`);
    if (at > 0 && !certificate.ca) throw new ChainError(`${which} is not that of an authority.`);
    const issuer = all[at + 1];
    if (issuer !== undefined && !(certificate.checkIssued(issuer) && isSignedBy(certificate, issuer.publicKey))) {
      throw new ChainError(`${which} is not signed by the one after it. Order the chain from the issuer to the root.`);
    }
  }
}

/**
 * Whether the certificate is signed with the key. OpenSSL, as Node uses it, verifies signatures of SM2 for a signer without
 * an id; authorities sign with the default one (GM/T 0009 §10), so those are verified here.
 */
export function isSignedBy(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    const [toBeSigned, algorithm, signature] = readSequence(certificate.raw);
    const [oid] = readElements(expectTag(algorithm, derTags.sequence).content);
    if (readOid(oid) !== sm2WithSm3Oid) return certificate.verify(key);
    const digest = sm2MessageDigest(publicPoint(key), expectTag(toBeSigned, derTags.sequence).bytes);
    return verifySm2Digest(key, digest, expectTag(signature, derTags.bitString).content.subarray(1));
  } catch {
    // The key is of another curve, or the signature of another form: not signed by it.
    return false;
  }
}
