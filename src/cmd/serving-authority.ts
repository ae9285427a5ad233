import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { createCertificateAuthority, issueServingCertificate, type CertificatePair } from '../crypto/x509.ts';
import type { Clock } from '../lib/clock.ts';
import type { ServingCertificate } from '../lib/http-server.ts';

/** Names of the two files of an authority, in a folder or a Secret. */
export const authorityFiles = { certificate: 'ca.crt', privateKey: 'ca.key' } as const;

const hourMs = 3_600_000;
/** A leaf is valid for 47 days and replaced after 30. */
export const leafRenewalMs: number = 30 * 24 * hourMs;

/** An authority that issues the serving certificate of this process. */
export interface ServingAuthority {
  /** What clients trust. */
  caPem: string;
  /** A new leaf for the given names, with the authority's certificate as its chain. */
  issue(): ServingCertificate;
}

/** Makes a root certificate for an installation, valid for ten years from an hour ago: clocks differ. */
export function newAuthority(clock: Clock, commonName = 'Kaap root CA'): CertificatePair {
  return createCertificateAuthority({ commonName, notBefore: clock.now() - hourMs, random: randomBytes });
}

/** Reads the authority of a folder; with `createIfMissing`, makes one there first, its key readable by the owner only. */
export async function openServingAuthority(options: {
  folder: string;
  createIfMissing: boolean;
  names: readonly string[];
  clock: Clock;
}): Promise<ServingAuthority> {
  const { folder, names, clock } = options;
  const certificateFile = join(folder, authorityFiles.certificate);
  const keyFile = join(folder, authorityFiles.privateKey);
  if (options.createIfMissing && !existsSync(keyFile)) {
    const made = newAuthority(clock);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(certificateFile, made.certificatePem, { mode: 0o644 });
    await writeFile(keyFile, made.privateKeyPem, { mode: 0o600, flag: 'wx' });
  }
  const authority = {
    certificatePem: await readFile(certificateFile, 'utf8'),
    privateKeyPem: await readFile(keyFile, 'utf8'),
  };
  return { caPem: authority.certificatePem, issue: () => issueLeaf(authority, names, clock) };
}

function issueLeaf(authority: CertificatePair, names: readonly string[], clock: Clock): ServingCertificate {
  const leaf = issueServingCertificate(authority, {
    dnsNames: names.filter((name) => isIP(name) === 0),
    ipAddresses: names.filter((name) => isIP(name) !== 0),
    notBefore: clock.now() - hourMs,
    random: randomBytes,
  });
  return { certPem: `${leaf.certificatePem.trimEnd()}\n${authority.certificatePem}`, keyPem: leaf.privateKeyPem };
}
