import { createHash, sign, type KeyObject } from 'node:crypto';
import {
  derBitString,
  derBoolean,
  derContext,
  derContextPrimitive,
  derIa5String,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derPrintableString,
  derSequence,
  derSet,
  derTime,
  derUtf8String,
} from './der.ts';
import { derTags, expectTag, readOid, readSequence, readTagged } from './der-reader.ts';

/** Attributes of a distinguished name that this writer knows, most significant first in a name. */
export type NameAttribute = 'C' | 'ST' | 'L' | 'O' | 'OU' | 'CN' | 'E';

/** A distinguished name: attribute and value, in order. */
export type DistinguishedName = readonly (readonly [NameAttribute, string])[];

const attributeOids: Readonly<Record<NameAttribute, string>> = {
  C: '2.5.4.6',
  ST: '2.5.4.8',
  L: '2.5.4.7',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  CN: '2.5.4.3',
  E: '1.2.840.113549.1.9.1',
};

const textTypes: Readonly<Partial<Record<NameAttribute, (value: string) => Buffer>>> = {
  C: derPrintableString,
  E: derIa5String,
};

/** Bits of the keyUsage extension (RFC 5280 §4.2.1.3). */
const keyUsageBits = { digitalSignature: 0, keyEncipherment: 2, keyCertSign: 5, cRLSign: 6 } as const;

export type CertificateKeyUsage = keyof typeof keyUsageBits;

/** What a certificate says. Times are milliseconds since the Unix epoch; certificates hold whole seconds. */
export interface CertificateContent {
  subject: DistinguishedName;
  /** A name, or the encoded subject of the authority; see {@link subjectOf}. */
  issuer: DistinguishedName | Buffer;
  /** Big-endian; 1 to 20 bytes, not all zero. */
  serialNumber: Buffer;
  notBefore: number;
  notAfter: number;
  /** SubjectPublicKeyInfo of the subject. */
  publicKey: KeyObject;
  /** Encoded extensions; see {@link extensions}. */
  extensions: readonly Buffer[];
}

/**
 * Signs an X.509 v3 certificate (RFC 5280) with an RSA key (sha256WithRSAEncryption) or an EC key (ecdsa-with-SHA256).
 * Gives its DER.
 */
export function signCertificate(content: CertificateContent, signingKey: KeyObject): Buffer {
  const algorithm = signatureAlgorithm(signingKey);
  const toBeSigned = derSequence(
    derContext(0, derInteger(2)),
    derInteger(content.serialNumber),
    algorithm,
    Buffer.isBuffer(content.issuer) ? content.issuer : encodeName(content.issuer),
    derSequence(derTime(content.notBefore), derTime(content.notAfter)),
    encodeName(content.subject),
    content.publicKey.export({ type: 'spki', format: 'der' }),
    derContext(3, derSequence(...content.extensions)),
  );
  return derSequence(toBeSigned, algorithm, derBitString(sign('sha256', toBeSigned, signingKey)));
}

/** PEM of a DER certificate. */
export function certificatePem(certificate: Buffer): string {
  return pem('CERTIFICATE', certificate);
}

/** DER as text (RFC 7468). */
export function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** The encoded subject of a DER certificate: what its certificates name as their issuer, byte for byte. */
export function subjectOf(certificate: Buffer): Buffer {
  const [toBeSigned] = readSequence(certificate);
  const [, , , , , subject] = readSequence(expectTag(toBeSigned, derTags.sequence).bytes);
  return expectTag(subject, derTags.sequence).bytes;
}

/** The subjectKeyIdentifier that a DER certificate states; `undefined` when it states none (RFC 5280 §4.2.1.2). */
export function statedKeyIdentifier(certificate: Buffer): Buffer | undefined {
  const [toBeSigned] = readSequence(certificate);
  const wrapped = readSequence(expectTag(toBeSigned, derTags.sequence).bytes).find(({ tag }) => tag === 0xa3);
  if (wrapped === undefined) return undefined;
  for (const each of readSequence(wrapped.content)) {
    const [oid, ...rest] = readSequence(each.bytes);
    if (readOid(oid) !== subjectKeyOid) continue;
    return readTagged(expectTag(rest.at(-1), derTags.octetString).content, derTags.octetString).content;
  }
  return undefined;
}

/** SHA-1 of the public key's bits: how certificates name keys (RFC 5280 §4.2.1.2, method 1). Not for security. */
export function keyIdentifier(publicKey: KeyObject): Buffer {
  const [, bits] = readSequence(publicKey.export({ type: 'spki', format: 'der' }));
  // The first byte of a BIT STRING counts unused bits.
  return createHash('sha1').update(expectTag(bits, derTags.bitString).content.subarray(1)).digest();
}

const subjectKeyOid = '2.5.29.14';

/** Encoders of the extensions that this service uses (RFC 5280 §4.2.1). */
export const extensions = {
  authority: (pathLength: number): Buffer =>
    extension('2.5.29.19', true, derSequence(derBoolean(true), derInteger(pathLength))),
  notAuthority: (): Buffer => extension('2.5.29.19', true, derSequence()),
  keyUsage: (...usages: readonly CertificateKeyUsage[]): Buffer => extension('2.5.29.15', true, usageBits(usages)),
  serverAuth: (): Buffer => extension('2.5.29.37', false, derSequence(derOid('1.3.6.1.5.5.7.3.1'))),
  subjectKey: (publicKey: KeyObject): Buffer =>
    extension(subjectKeyOid, false, derOctetString(keyIdentifier(publicKey))),
  authorityKey: (publicKey: KeyObject): Buffer =>
    extension('2.5.29.35', false, derSequence(derContextPrimitive(0, keyIdentifier(publicKey)))),
  alternativeNames: (dnsNames: readonly string[], ipAddresses: readonly Buffer[]): Buffer => {
    const dns = dnsNames.map((name) => derContextPrimitive(2, Buffer.from(name, 'ascii')));
    const ips = ipAddresses.map((address) => derContextPrimitive(7, address));
    return extension('2.5.29.17', false, derSequence(...dns, ...ips));
  },
} as const;

function extension(oid: string, critical: boolean, value: Buffer): Buffer {
  return derSequence(derOid(oid), ...(critical ? [derBoolean(true)] : []), derOctetString(value));
}

function usageBits(usages: readonly CertificateKeyUsage[]): Buffer {
  const bits: number[] = usages.map((usage) => keyUsageBits[usage]);
  const byte = bits.reduce((sum, bit) => sum | (0x80 >> bit), 0);
  return derBitString(Buffer.from([byte]), 7 - Math.max(...bits));
}

/** The DER of a name. RFC 5280 §4.1.2.4: UTF8String, but countryName is a PrintableString and emailAddress an IA5String. */
export function encodeName(name: DistinguishedName): Buffer {
  const parts = name.map(([attribute, value]) => {
    const text = (textTypes[attribute] ?? derUtf8String)(value);
    return derSet(derSequence(derOid(attributeOids[attribute]), text));
  });
  return derSequence(...parts);
}

function signatureAlgorithm(key: KeyObject): Buffer {
  const type = key.asymmetricKeyType;
  if (type === 'rsa') return derSequence(derOid('1.2.840.113549.1.1.11'), derNull());
  if (type === 'ec') return derSequence(derOid('1.2.840.10045.4.3.2'));
  throw new TypeError(`certificates are signed with RSA or EC keys, not ${String(type)}`);
}
