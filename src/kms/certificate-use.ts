import { ApiError } from '../lib/errors.ts';
import type { KeyMaterial, KeyProvider } from '../ports/key-provider.ts';
import { loadCertificate, type CertificateLookup } from './certificate-lookup.ts';
import type { KmsDependencies } from './dependencies.ts';
import { certificateKeyTable, type CertificateRecord, type CertificateStatus } from './records/certificate.ts';

/** What somebody wants to do with a certificate's keys. */
export type CertificateUse = 'sign' | 'verify' | 'encrypt' | 'decrypt';

/** Status → what it is good for. A revoked certificate still verifies what it signed (KMS UpdateCertificateStatus). */
const uses: Readonly<Record<CertificateStatus, readonly CertificateUse[]>> = {
  PENDING: [],
  ACTIVE: ['sign', 'verify', 'encrypt', 'decrypt'],
  INACTIVE: [],
  REVOKED: ['verify'],
};

const advice = {
  PENDING: ['Rejected.PendingImport', 'Have its request signed by an authority, and send UploadCertificate.'],
  ACTIVE: ['Rejected.UnsupportedOperation', ''],
  INACTIVE: ['Rejected.Disabled', 'Enable it with UpdateCertificateStatus.'],
  REVOKED: ['Rejected.Disabled', 'It verifies signatures and does nothing else. Create a new one.'],
} as const satisfies Record<CertificateStatus, readonly [string, string]>;

/** A certificate whose key may be used so. */
export interface UsableCertificate {
  readonly certificate: CertificateRecord;
  readonly material: KeyMaterial;
  readonly provider: KeyProvider;
}

/** Where private keys of certificates live: in software, as `ProtectionLevel` says. */
export function certificateProvider({ providers }: Pick<KmsDependencies, 'providers'>): KeyProvider {
  if (providers.software !== undefined) return providers.software;
  throw new ApiError('Rejected.Unavailable', 'This installation runs no software keys, which certificates need.');
}

/** Reads the certificate as it is now, and its key. The status is never cached. */
export async function usableCertificate(
  dependencies: KmsDependencies,
  found: CertificateLookup,
  use: CertificateUse,
): Promise<UsableCertificate> {
  const certificate = await loadCertificate(dependencies.store, found);
  const { certificateId, status } = certificate;
  if (!uses[status].includes(use)) {
    const [code, what] = advice[status];
    throw new ApiError(code, `Certificate ${certificateId} is ${status}. ${what}`);
  }
  const key = await certificateKeyTable.get(dependencies.store, certificateId);
  if (key === undefined) throw new Error(`certificate ${certificateId} has no record of its key`);
  const material = { versionId: certificateId, keySpec: key.keySpec, bytes: Buffer.from(key.material, 'base64') };
  return { certificate, material, provider: certificateProvider(dependencies) };
}
