import { z } from 'zod';
import { ProxyError } from './proxy-error.ts';

/**
 * Base64 as the specification has it: standard alphabet, padded; decoded to bytes. What is longer is malformed, or, if the
 * bound is ours and not the specification's, `tooLarge`.
 */
function bytes(maxBytes: number, { ours = false } = {}): z.ZodType<Buffer> {
  return z
    .string()
    .regex(/^[A-Za-z0-9+/]*={0,2}$/)
    .transform((text, context) => {
      const decoded = Buffer.from(text, 'base64');
      const wellFormed = decoded.toString('base64') === text;
      if (wellFormed && decoded.length <= maxBytes) return decoded;
      context.addIssue({ code: 'custom', params: { tooLarge: ours && wellFormed }, message: 'not base64' });
      return z.NEVER;
    });
}

/** What may be of any size; more than this is not supported here. */
const ours = { ours: true };

const word = z.string().min(1).max(2048);

const healthMetadata = z.looseObject({ kmsRequestId: word, kmsOperation: word });
const metadataOf = healthMetadata.extend({ awsPrincipalArn: word });
const keyMetadata = metadataOf.extend({ kmsKeyArn: word });

/** Who asked for what, as the KMS says: for the audit log and the policy, not for authentication. */
export interface RequestMetadata {
  readonly kmsRequestId: string;
  readonly kmsOperation: string;
  readonly awsPrincipalArn?: string | undefined;
  readonly kmsKeyArn?: string | undefined;
}

/** Most bytes of plaintext: what KMS encrypts at most, and what it puts before it. */
export const maxPlaintextBytes = 8448;
const maxAadBytes = 8192;
const maxMetadataBytes = 20;

const algorithm = z.literal('AES_GCM');

/** Body of an encryption, decoded. */
export interface EncryptRequest {
  requestMetadata: RequestMetadata;
  plaintext: Buffer;
  encryptionAlgorithm: 'AES_GCM';
  additionalAuthenticatedData?: Buffer | undefined;
  ciphertextDataIntegrityValueAlgorithm?: 'SHA_256' | undefined;
}

/** Body of a decryption, decoded. */
export interface DecryptRequest {
  requestMetadata: RequestMetadata;
  ciphertext: Buffer;
  encryptionAlgorithm: 'AES_GCM';
  additionalAuthenticatedData?: Buffer | undefined;
  initializationVector: Buffer;
  authenticationTag: Buffer;
  ciphertextMetadata?: Buffer | undefined;
}

interface Bodies {
  health: z.ZodType<{ requestMetadata: RequestMetadata }>;
  metadata: z.ZodType<{ requestMetadata: RequestMetadata }>;
  encrypt: z.ZodType<EncryptRequest>;
  decrypt: z.ZodType<DecryptRequest>;
}

/** Bodies of the four calls. Unknown fields are passed over (XKS proxy API 1.0, "requestMetadata"). */
export const bodies: Bodies = {
  health: z.looseObject({ requestMetadata: healthMetadata }),
  metadata: z.looseObject({ requestMetadata: metadataOf }),
  encrypt: z.looseObject({
    requestMetadata: keyMetadata,
    plaintext: bytes(maxPlaintextBytes, ours),
    encryptionAlgorithm: algorithm,
    additionalAuthenticatedData: bytes(maxAadBytes, ours).optional(),
    ciphertextDataIntegrityValueAlgorithm: z.literal('SHA_256').optional(),
  }),
  decrypt: z.looseObject({
    requestMetadata: keyMetadata,
    ciphertext: bytes(maxPlaintextBytes, ours),
    encryptionAlgorithm: algorithm,
    additionalAuthenticatedData: bytes(maxAadBytes, ours).optional(),
    initializationVector: bytes(16),
    authenticationTag: bytes(16),
    ciphertextMetadata: bytes(maxMetadataBytes).optional(),
  }),
};

export type Operation = keyof Bodies;

/**
 * Decodes a body. Throws `ValidationException`, or `UnsupportedOperationException` when all that is wrong is that fields are
 * larger than this proxy takes; either names the fields and never their values.
 */
export function decodeBody<T>(schema: z.ZodType<T>, body: Buffer): T {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw new ProxyError('ValidationException', 'The body is not JSON.');
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { issues } = result.error;
  const fields = [...new Set(issues.map(({ path }) => path.join('.') || 'the body'))].join(', ');
  if (issues.every((issue) => issue.code === 'custom' && issue.params?.['tooLarge'] === true)) {
    throw new ProxyError('UnsupportedOperationException', `Longer than this proxy takes: ${fields}.`.slice(0, 500));
  }
  throw new ProxyError('ValidationException', `Missing or malformed: ${fields}.`.slice(0, 500));
}

/** Prefix, operation and key of a path; `undefined` for any other path. */
export interface Target {
  readonly prefix: string;
  readonly operation: Operation;
  readonly keyId?: string;
}

const pathForm =
  /^((?:\/[A-Za-z0-9_-]+)*)\/kms\/xks\/v1\/(?:(health)|keys\/((?!\.{1,2}\/)[A-Za-z0-9._-]{1,128})\/(metadata|encrypt|decrypt))$/;

/** Takes a path apart. A query or anything percent-encoded makes it another path than the one that is served. */
export function parseTarget(url: string): Target | undefined {
  const [, prefix, health, keyId, operation] = (url.length <= 512 && pathForm.exec(url)) || [];
  if (prefix === undefined) return undefined;
  if (health !== undefined) return { prefix, operation: 'health' };
  return keyId === undefined ? undefined : { prefix, keyId, operation: operation as Operation };
}
