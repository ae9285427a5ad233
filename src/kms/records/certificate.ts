import { RecordTable } from './record-table.ts';

/** States of a certificate (KMS DescribeCertificate). PENDING has no certificate yet; REVOKED is for good. */
export type CertificateStatus = 'PENDING' | 'ACTIVE' | 'INACTIVE' | 'REVOKED';

/** A certificate of Certificates Manager: everything but its private key. Bucket `kms/certificates`, by id. */
export interface CertificateRecord {
  certificateId: string;
  status: CertificateStatus;
  keySpec: string;
  /** As RFC 4514 writes it. */
  subject: string;
  alternativeNames: string[];
  exportablePrivateKey: boolean;
  /** PEM of the certificate request. */
  csr: string;
  /** PEM of the public key. */
  publicKey: string;
  /** PEM, from UploadCertificate on. */
  certificate?: string;
  /** PEM of the issuers, from the certificate's own to the root; may be empty. */
  chain?: string;
  /** Milliseconds since the Unix epoch. */
  createTime: number;
  updateTime: number;
  tags: Record<string, string>;
}

export const certificateTable: RecordTable<CertificateRecord> = new RecordTable('kms/certificates');

/** The private key of a certificate. Bucket `kms/certificate-keys`, by certificate id, which is the material's id, too. */
export interface CertificateKeyRecord {
  keySpec: string;
  /** Base64. */
  material: string;
}

export const certificateKeyTable: RecordTable<CertificateKeyRecord> = new RecordTable('kms/certificate-keys');

/** The certificate that CreateCertificate made for a ClientToken. Bucket `kms/certificate-tokens`, by `<caller>\n<token>`. */
export const certificateTokenTable: RecordTable<{ certificateId: string }> = new RecordTable('kms/certificate-tokens');
