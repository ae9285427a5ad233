import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import type { AnyAction } from '../../../ports/action.ts';
import { certificateReference, loadCertificate } from '../../certificate-lookup.ts';
import { certificateProvider } from '../../certificate-use.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import {
  certificateKeyTable,
  certificateTable,
  type CertificateRecord,
  type CertificateStatus,
} from '../../records/certificate.ts';
import { tombstoneTable } from '../../records/tombstone.ts';
import { certificateAction } from './certificate-action.ts';

/** Spelling → status. The second line are words of older documents. */
const spellings: ReadonlyMap<string, CertificateStatus> = new Map([
  ...(['ACTIVE', 'INACTIVE', 'REVOKED'] as const).map((status) => [status, status] as const),
  ...([
    ['DISABLED', 'INACTIVE'],
    ['DISABLE', 'INACTIVE'],
    ['REOVKED', 'REVOKED'],
  ] as const),
]);

const status = z
  .string({ error: 'It must be one of ACTIVE, INACTIVE, REVOKED.' })
  .transform((word, context): CertificateStatus => {
    const known = spellings.get(word);
    if (known !== undefined) return known;
    context.addIssue({ code: 'custom', message: 'It must be one of ACTIVE, INACTIVE, REVOKED.' });
    return z.NEVER;
  });

/** KMS UpdateCertificateStatus: off, on again, or revoked, which is for good. */
export function updateCertificateStatus(dependencies: KmsDependencies): AnyAction {
  return certificateAction(dependencies, {
    name: 'UpdateCertificateStatus',
    input: z.object({ CertificateId: certificateReference(), Status: status }),
    run: async (found, { Status }) => {
      const updateTime = dependencies.clock.now();
      await dependencies.store.transact(async (transaction) => {
        const record = await loadCertificate(transaction, found);
        if (record.status === Status) return;
        assertMayChange(record);
        await certificateTable.put(transaction, record.certificateId, { ...record, status: Status, updateTime });
      });
      return {};
    },
  });
}

function assertMayChange({ certificateId, status: current }: CertificateRecord): void {
  if (current === 'ACTIVE' || current === 'INACTIVE') return;
  const why = current === 'PENDING' ? 'has no certificate yet. Send UploadCertificate.' : 'is revoked, for good.';
  throw new ApiError('Rejected.StateModifiedFailed', `Certificate ${certificateId} ${why}`);
}

/** KMS DeleteCertificate: with its private key and its chain, at once and for good. */
export function deleteCertificate(dependencies: KmsDependencies): AnyAction {
  return certificateAction(dependencies, {
    name: 'DeleteCertificate',
    input: z.object({ CertificateId: certificateReference() }),
    run: async (found) => {
      const deleteTime = dependencies.clock.now();
      const { certificateId } = await dependencies.store.transact(async (transaction) => {
        const record = await loadCertificate(transaction, found);
        await certificateTable.delete(transaction, record.certificateId);
        await certificateKeyTable.delete(transaction, record.certificateId);
        await tombstoneTable.put(transaction, `certificate/${record.certificateId}`, { deleteTime });
        return record;
      });
      certificateProvider(dependencies).forget(certificateId);
      return {};
    },
  });
}
