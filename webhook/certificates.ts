import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { createCertificateAuthority, issueServingCertificate, type CertificatePair } from '../src/crypto/x509.ts';

/** What the replicas of the webhook share: authorities, oldest first, and a serving certificate of one of them. */
export interface WebhookCertificates {
  authorities: readonly CertificatePair[];
  serving: CertificatePair;
}

export interface RenewalOptions {
  /** Milliseconds since the Unix epoch. */
  now: number;
  dnsNames: readonly string[];
  random: (bytes: number) => Buffer;
}

const dayMs = 86_400_000;
/** Certificates begin this much in the past: clocks of API servers differ. */
const backdateMs = 60 * 60 * 1000;
/** A new authority signs nothing until every API server has had this long to learn it. */
const settleMs = 60 * 60 * 1000;
const authorityDays = 3650;
const servingDays = 47;
/** Renewed when less than this part of its life is left. */
const renewalPart = 1 / 3;

/**
 * Brings certificates up to date: gives back the same object when there is nothing to do. An authority is joined by its
 * successor long before it ends, both are trusted for as long as both are valid, and the successor signs once it is
 * known everywhere. Pure but for the keys that it makes.
 */
export function renewCertificates(
  current: WebhookCertificates | undefined,
  options: RenewalOptions,
): WebhookCertificates {
  const authorities = renewAuthorities(current?.authorities ?? [], options);
  const signer = signerOf(authorities, options.now);
  const kept = current !== undefined && isGood(current.serving, authorities, options) ? current.serving : undefined;
  if (kept !== undefined && current?.authorities === authorities) return current;
  return { authorities, serving: kept ?? issue(signer, options) };
}

/** What API servers are told to trust: every authority that is valid, PEM. */
export function trustBundle({ authorities }: WebhookCertificates): string {
  return authorities.map(({ certificatePem }) => `${certificatePem.trim()}\n`).join('');
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** The content of the shared Secret. */
export function certificatesToData(certificates: WebhookCertificates): Record<string, string> {
  return {
    'ca.crt': encode(trustBundle(certificates)),
    'tls.crt': encode(certificates.serving.certificatePem),
    'tls.key': encode(certificates.serving.privateKeyPem),
    'authorities.json': encode(JSON.stringify(certificates.authorities)),
  };
}

const authoritiesSchema: z.ZodType<CertificatePair[]> = z
  .array(z.object({ certificatePem: z.string(), privateKeyPem: z.string() }))
  .min(1)
  .max(8);

/** Reads the shared Secret. `undefined` when it holds no certificates of ours: new ones are made then. */
export function certificatesFromData(data: Readonly<Record<string, string>>): WebhookCertificates | undefined {
  const decode = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString('utf8');
  try {
    const authorities = authoritiesSchema.parse(JSON.parse(decode('authorities.json')));
    const serving = { certificatePem: decode('tls.crt'), privateKeyPem: decode('tls.key') };
    const readable = [...authorities, serving].every((pair) => timesOf(pair).end > 0);
    return readable ? { authorities, serving } : undefined;
  } catch {
    return undefined;
  }
}

function renewAuthorities(current: readonly CertificatePair[], options: RenewalOptions): readonly CertificatePair[] {
  const valid = current.filter((authority) => timesOf(authority).end > options.now);
  const newest = valid.at(-1);
  if (newest !== undefined && !isDue(newest, options.now)) return valid.length === current.length ? current : valid;
  const successor = createCertificateAuthority({
    commonName: 'Kaap webhook CA',
    notBefore: options.now - backdateMs,
    validityDays: authorityDays,
    random: options.random,
  });
  return [...valid, successor];
}

/** The newest authority that has settled; when there is none, the oldest that lasts; then the newest. */
function signerOf(authorities: readonly CertificatePair[], now: number): CertificatePair {
  const lasting = authorities.filter((authority) => timesOf(authority).end - now > servingDays * dayMs);
  const settled = lasting.filter((authority) => now - timesOf(authority).begin >= settleMs + backdateMs);
  const signer = settled.at(-1) ?? lasting[0] ?? authorities.at(-1);
  if (signer === undefined) throw new RangeError('there is no certificate authority');
  return signer;
}

function isGood(serving: CertificatePair, authorities: readonly CertificatePair[], options: RenewalOptions): boolean {
  const certificate = new X509Certificate(serving.certificatePem);
  return (
    !isDue(serving, options.now) &&
    options.dnsNames.every((name) => certificate.checkHost(name, { subject: 'never' }) !== undefined) &&
    authorities.some((authority) => certificate.verify(new X509Certificate(authority.certificatePem).publicKey))
  );
}

function issue(signer: CertificatePair, { now, dnsNames, random }: RenewalOptions): CertificatePair {
  const notBefore = now - backdateMs;
  return issueServingCertificate(signer, { dnsNames, ipAddresses: [], notBefore, validityDays: servingDays, random });
}

function isDue(pair: CertificatePair, now: number): boolean {
  const { begin, end } = timesOf(pair);
  return now < begin || end - now < (end - begin) * renewalPart;
}

function timesOf({ certificatePem }: CertificatePair): { begin: number; end: number } {
  const certificate = new X509Certificate(certificatePem);
  return { begin: certificate.validFromDate.getTime(), end: certificate.validToDate.getTime() };
}
