import { createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate, type KeyObject } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { certificatePem, extensions, signCertificate, subjectOf, type DistinguishedName } from './certificate.ts';
import type { RandomBytes } from './uuid.ts';

/** A certificate with its private key, as files hold them. */
export interface CertificatePair {
  certificatePem: string;
  /** PKCS#8. */
  privateKeyPem: string;
}

export interface CertificateAuthorityOptions {
  /** Such as `Kaap root CA`. */
  commonName: string;
  /** Milliseconds since the Unix epoch from which it is valid. Give a time a little in the past: clocks differ. */
  notBefore: number;
  /** 3650 unless given. */
  validityDays?: number;
  random: RandomBytes;
}

export interface ServingCertificateOptions {
  /** At most 64 characters; the first name unless given. Clients look at the names below only. */
  commonName?: string;
  dnsNames: readonly string[];
  /** IPv4 and IPv6 addresses as text. */
  ipAddresses: readonly string[];
  /** Milliseconds since the Unix epoch from which it is valid. */
  notBefore: number;
  /** 47 unless given: what public authorities issue from 2029 on (CA/Browser Forum ballot SC-081). */
  validityDays?: number;
  random: RandomBytes;
}

const dayMs = 86_400_000;
const dnsName =
  /^(?:\*\.)?(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

/** Makes a self-signed authority that issues serving certificates and no authorities below it. EC P-256. */
export function createCertificateAuthority(options: CertificateAuthorityOptions): CertificatePair {
  const { privateKey, publicKey } = newKey();
  const name: DistinguishedName = [['CN', options.commonName]];
  const certificate = signCertificate(
    {
      subject: name,
      issuer: name,
      serialNumber: serialNumber(options.random),
      notBefore: options.notBefore,
      notAfter: options.notBefore + (options.validityDays ?? 3650) * dayMs,
      publicKey,
      extensions: [
        extensions.authority(0),
        extensions.keyUsage('keyCertSign', 'cRLSign'),
        extensions.subjectKey(publicKey),
      ],
    },
    privateKey,
  );
  return pair(certificate, privateKey);
}

/**
 * Issues a certificate for a TLS server. Throws RangeError for a name that is no DNS name or address, and when the
 * authority's own time would be over before it.
 */
export function issueServingCertificate(
  authority: CertificatePair,
  options: ServingCertificateOptions,
): CertificatePair {
  const { privateKey, publicKey } = newKey();
  const issuerKey = createPrivateKey(authority.privateKeyPem);
  const notAfter = options.notBefore + (options.validityDays ?? 47) * dayMs;
  const certificate = signCertificate(
    {
      subject: [['CN', options.commonName ?? firstName(options)]],
      issuer: issuerName(authority, notAfter),
      serialNumber: serialNumber(options.random),
      notBefore: options.notBefore,
      notAfter,
      publicKey,
      extensions: [
        extensions.notAuthority(),
        extensions.keyUsage('digitalSignature'),
        extensions.serverAuth(),
        extensions.alternativeNames(options.dnsNames.map(checkedDnsName), options.ipAddresses.map(addressBytes)),
        extensions.subjectKey(publicKey),
        extensions.authorityKey(createPublicKey(issuerKey)),
      ],
    },
    issuerKey,
  );
  return pair(certificate, privateKey);
}

function newKey(): { privateKey: KeyObject; publicKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function pair(certificate: Buffer, privateKey: KeyObject): CertificatePair {
  return {
    certificatePem: certificatePem(certificate),
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  };
}

/** 127 random bits, positive (RFC 5280 §4.1.2.2). */
export function serialNumber(random: RandomBytes): Buffer {
  const bytes = random(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return bytes;
}

function issuerName(authority: CertificatePair, notAfter: number): Buffer {
  const certificate = new X509Certificate(authority.certificatePem);
  if (certificate.validToDate.getTime() < notAfter) {
    throw new RangeError('the authority ends before the certificate would; make a new authority');
  }
  return subjectOf(certificate.raw);
}

function firstName({ dnsNames, ipAddresses }: ServingCertificateOptions): string {
  const [name] = [...dnsNames, ...ipAddresses];
  if (name === undefined) throw new RangeError('a serving certificate needs a DNS name or an address');
  return name.slice(0, 64);
}

/** Whether a text is a name that certificates hold for hosts, also one with `*.` in front. */
export function isDnsName(name: string): boolean {
  return name.length <= 253 && dnsName.test(name);
}

function checkedDnsName(name: string): string {
  if (isDnsName(name)) return name;
  throw new RangeError(`${JSON.stringify(name.slice(0, 64))} is not a DNS name`);
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  if (isIPv6(address) && !address.includes('%')) return ipv6Bytes(address);
  throw new RangeError(`${JSON.stringify(address.slice(0, 64))} is not an IP address`);
}

function ipv6Bytes(address: string): Buffer {
  const [head = '', tail] = withoutDottedPart(address).split('::');
  const before = addressGroups(head);
  const after = addressGroups(tail ?? '');
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - before.length - after.length }, () => '0');
  return Buffer.from([...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/** `::ffff:1.2.3.4` as `::ffff:0102:0304`. */
function withoutDottedPart(address: string): string {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  if (dotted === null) return address;
  const hex = addressBytes(dotted[2] ?? '').toString('hex');
  return `${dotted[1] ?? ''}${hex.slice(0, 4)}:${hex.slice(4)}`;
}

function addressGroups(part: string): string[] {
  return part === '' ? [] : part.split(':');
}
