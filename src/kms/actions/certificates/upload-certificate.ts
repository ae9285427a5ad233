import { createPublicKey, type X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { ChainError, parseCertificates, verifyChain } from '../../../crypto/certificate-chain.ts';
import { certificatePem } from '../../../crypto/certificate.ts';
import { ApiError } from '../../../lib/errors.ts';
import type { AnyAction } from '../../../ports/action.ts';
import { certificateReference, loadCertificate } from '../../certificate-lookup.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { text, withDefault } from '../../parameters.ts';
import { certificateTable, type CertificateRecord } from '../../records/certificate.ts';
import { certificateAction } from './certificate-action.ts';

const maxCertificate = 16_384;
const maxChain = 65_536;

const input = z.object({
  CertificateId: certificateReference(),
  Certificate: text({ max: maxCertificate, allowed: `a certificate in PEM, of at most ${maxCertificate} characters` }),
  CertificateChain: withDefault(text({ max: maxChain, allowed: `PEM of at most ${maxChain} characters` }), ''),
});
type Input = z.infer<typeof input>;

/**
 * KMS UploadCertificate: what the authority made of the request. It must be of the key, not be over, and be signed by the
 * first of the chain, if that is given. A certificate that is renewed with the same key replaces the one before.
 */
export function uploadCertificate(dependencies: KmsDependencies): AnyAction {
  return certificateAction(dependencies, {
    name: 'UploadCertificate',
    input,
    run: async (found, parameters) => {
      const updateTime = dependencies.clock.now();
      await dependencies.store.transact(async (transaction) => {
        const record = await loadCertificate(transaction, found);
        const { leaf, chain } = checked(record, parameters, updateTime);
        const status = record.status === 'PENDING' ? 'ACTIVE' : record.status;
        const pems = {
          certificate: certificatePem(leaf.raw),
          chain: chain.map(({ raw }) => certificatePem(raw)).join(''),
        };
        await certificateTable.put(transaction, record.certificateId, { ...record, ...pems, status, updateTime });
      });
      return {};
    },
  });
}

function checked(
  record: CertificateRecord,
  { Certificate, CertificateChain }: Input,
  now: number,
): { leaf: X509Certificate; chain: X509Certificate[] } {
  if (record.status === 'REVOKED') {
    throw new ApiError('Rejected.StateModifiedFailed', 'The certificate is revoked, for good. Create a new one.');
  }
  const [leaf, ...more] = named('Certificate', () => parseCertificates(Certificate));
  const chain = named('CertificateChain', () => parseCertificates(CertificateChain));
  if (leaf === undefined || more.length > 0) {
    throw new ApiError(
      'InvalidParameter',
      'The parameter Certificate must be one certificate in PEM; its issuers go into CertificateChain.',
    );
  }
  if (!leaf.publicKey.equals(createPublicKey(record.publicKey))) {
    throw new ApiError(
      'InvalidParameter',
      'The parameter Certificate must be of the key that made the request (see GetCertificate → Csr).',
    );
  }
  named('CertificateChain', () => verifyChain(leaf, chain, now));
  return { leaf, chain };
}

/** Runs a check of certificates, and says which parameter it is that fails. */
function named<T>(parameter: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof ChainError)) throw error;
    throw new ApiError('InvalidParameter', `The parameter ${parameter} is not accepted. ${error.message}`);
  }
}
