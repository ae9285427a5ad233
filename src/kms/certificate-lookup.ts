import type { z } from 'zod';
import { ApiError } from '../lib/errors.ts';
import type { AccessRequest } from '../policy/decision.ts';
import { relativeName, resourceArn, type Home } from './arn.ts';
import { sharedScope } from './dependencies.ts';
import { text } from './parameters.ts';
import { certificateTable, type CertificateRecord } from './records/certificate.ts';
import type { Reader } from './records/record-table.ts';

/** What a CertificateId parameter led to. */
export interface CertificateLookup {
  /** The parameter without the ARN around it. */
  readonly name: string;
  /** Absent when there is no such certificate. */
  readonly certificate?: CertificateRecord;
}

/** `CertificateId`, also as an ARN. */
export function certificateReference(): z.ZodType<string> {
  return text({ max: 256, pattern: /^[\x21-\x7e]+$/, allowed: 'the id of a certificate or its ARN' });
}

/** Finds the certificate that an id or an ARN names. */
export async function findCertificate(home: Home, reader: Reader, certificateId: string): Promise<CertificateLookup> {
  const name = relativeName(home, 'certificate', certificateId);
  const certificate = await certificateTable.get(reader, name);
  return certificate === undefined ? { name } : { name, certificate };
}

/** The permission `action` on what was looked up; an unknown certificate is named as the caller named it. */
export function certificateAccess(home: Home, action: string, { name, certificate }: CertificateLookup): AccessRequest {
  return {
    action,
    resource: resourceArn(home, 'certificate', name),
    scope: sharedScope,
    ...(certificate !== undefined && { tags: certificate.tags }),
  };
}

/** The certificate as it is now. Throws `Certificate.NotFound`. */
export async function loadCertificate(reader: Reader, { name }: CertificateLookup): Promise<CertificateRecord> {
  const certificate = await certificateTable.get(reader, name);
  if (certificate !== undefined) return certificate;
  throw new ApiError('Certificate.NotFound', `There is no certificate ${name}. It may have been deleted.`);
}
