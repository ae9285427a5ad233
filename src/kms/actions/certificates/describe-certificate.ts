import { createPublicKey, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { keyIdentifier, statedKeyIdentifier } from '../../../crypto/certificate.ts';
import { nameOfLines } from '../../../crypto/distinguished-name.ts';
import type { AnyAction } from '../../../ports/action.ts';
import { resourceArn } from '../../arn.ts';
import { certificateReference, loadCertificate } from '../../certificate-lookup.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import type { CertificateRecord } from '../../records/certificate.ts';
import { listTags } from '../../tags.ts';
import { isoSeconds } from '../../time-format.ts';
import { certificateAction } from './certificate-action.ts';

const input = z.object({ CertificateId: certificateReference() });

/** KMS GetCertificate: the certificate with its chain, and the request it came from. */
export function getCertificate(dependencies: KmsDependencies): AnyAction {
  return certificateAction(dependencies, {
    name: 'GetCertificate',
    input,
    run: async (found) => {
      const { certificateId, csr, certificate = '', chain = '' } = await loadCertificate(dependencies.store, found);
      return { Certificate: certificate, CertificateChain: chain, CertificateId: certificateId, Csr: csr };
    },
  });
}

/** KMS DescribeCertificate: what the certificate says, and what has become of it. */
export function describeCertificate(dependencies: KmsDependencies): AnyAction {
  return certificateAction(dependencies, {
    name: 'DescribeCertificate',
    input,
    run: async (found) => {
      const record = await loadCertificate(dependencies.store, found);
      return {
        Arn: resourceArn(dependencies, 'certificate', record.certificateId),
        CertificateId: record.certificateId,
        CreatedAt: isoSeconds(record.createTime),
        ExportablePrivateKey: record.exportablePrivateKey,
        KeySpec: record.keySpec,
        ProtectionLevel: 'SOFTWARE',
        Status: record.status,
        SubjectPublicKey: record.publicKey,
        Tags: { Tag: listTags(record.tags) },
        UpdatedAt: isoSeconds(record.updateTime),
        ...statements(record),
      };
    },
  });
}

/** Fields that the certificate states; as long as there is none, those that the request asks for. */
function statements(record: CertificateRecord): Record<string, unknown> {
  if (record.certificate === undefined) {
    const identifier = keyIdentifier(createPublicKey(record.publicKey));
    return {
      Issuer: '',
      NotAfter: '',
      NotBefore: '',
      Serial: '',
      SignatureAlgorithm: '',
      Subject: record.subject,
      SubjectAlternativeNames: record.alternativeNames,
      SubjectKeyIdentifier: spacedHex(identifier),
    };
  }
  const certificate = new X509Certificate(record.certificate);
  return {
    Issuer: nameOfLines(certificate.issuer),
    NotAfter: isoSeconds(certificate.validToDate.getTime()),
    NotBefore: isoSeconds(certificate.validFromDate.getTime()),
    Serial: certificate.serialNumber,
    SignatureAlgorithm: signatureAlgorithmOf(certificate),
    Subject: nameOfLines(certificate.subject),
    SubjectAlternativeNames: dnsNamesOf(certificate),
    SubjectKeyIdentifier: spacedHex(statedKeyIdentifier(certificate.raw) ?? keyIdentifier(certificate.publicKey)),
  };
}

/** Algorithms as DescribeCertificate spells them; others as OpenSSL does. */
const signatureNames: ReadonlyMap<string, string> = new Map([
  ['sha256WithRSAEncryption', 'RSA2048-SHA256'],
  ['ecdsa-with-SHA256', 'ECDSA-SHA256'],
  ['SM2-with-SM3', 'SM2-SM3'],
]);

function signatureAlgorithmOf({ signatureAlgorithm = '' }: X509Certificate): string {
  return signatureNames.get(signatureAlgorithm) ?? signatureAlgorithm;
}

/** Only names of hosts; a name with a comma in it is no DNS name, so cutting at commas is safe for these. */
function dnsNamesOf({ subjectAltName = '' }: X509Certificate): string[] {
  return subjectAltName.split(', ').flatMap((name) => (name.startsWith('DNS:') ? [name.slice(4)] : []));
}

/** `79 36 26 DE`. */
function spacedHex(bytes: Buffer): string {
  return (bytes.toString('hex').toUpperCase().match(/../g) ?? []).join(' ');
}
