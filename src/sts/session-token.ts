import { createCipheriv, createDecipheriv, createHmac, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { ApiError } from '../lib/errors.ts';
import { SecretBytes } from '../lib/secret-bytes.ts';
import type { RoleSession } from '../policy/principal.ts';

/**
 * Layout of a session token, base64url: version (1 byte, 0x01) ‖ salt (16) ‖ IV (12) ‖ AES-256-GCM ciphertext ‖ tag (16).
 * The AES key is HMAC-SHA-256(session key, salt), so that no number of sessions wears out the session key; the version and
 * a fixed label are authenticated. The plaintext is JSON: the session and the access key's secret. Nothing is stored, so any
 * replica with the session key opens any token.
 */
const VERSION = 1;
const SALT_BYTES = 16;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + SALT_BYTES + IV_BYTES;
const LABEL = Buffer.from('kaap sts session token');

/** Longest token that is looked at, in characters: a session policy and the rest, sealed. */
const MAX_TOKEN_LENGTH = 8192;

/** What a session token says. */
export interface SealedSession {
  readonly session: RoleSession;
  /** Secret of the session's access key. */
  readonly secret: SecretBytes;
}

interface SessionClaims {
  session: RoleSession;
  secret: string;
}

const claimsSchema: z.ZodType<SessionClaims> = z.object({
  session: z.object({
    kind: z.literal('RoleSession'),
    accountId: z.string(),
    roleName: z.string(),
    roleId: z.string().exactOptional(),
    sessionName: z.string(),
    accessKeyId: z.string(),
    expiresAt: z.number(),
    accessPoint: z.string().exactOptional(),
    sessionPolicy: z.string().exactOptional(),
    serviceAccount: z
      .object({
        provider: z.string(),
        namespace: z.string(),
        name: z.string(),
        uid: z.string().exactOptional(),
        podName: z.string().exactOptional(),
        podUid: z.string().exactOptional(),
      })
      .exactOptional(),
    callerIdentity: z.string().exactOptional(),
  }),
  secret: z.string(),
});

/** Seals a session. `sessionKey` is a secret key of 32 bytes. */
export function sealSessionToken(
  { session, secret }: SealedSession,
  sessionKey: KeyObject,
  random: (bytes: number) => Buffer,
): string {
  const claims: SessionClaims = { session, secret: secret.reveal().toString('utf8') };
  const header = Buffer.concat([Buffer.from([VERSION]), random(SALT_BYTES), random(IV_BYTES)]);
  const cipher = createCipheriv('aes-256-gcm', tokenKey(sessionKey, header), ivOf(header));
  cipher.setAAD(Buffer.concat([LABEL, header.subarray(0, 1)]));
  const ciphertext = Buffer.concat([cipher.update(JSON.stringify(claims), 'utf8'), cipher.final()]);
  return Buffer.concat([header, ciphertext, cipher.getAuthTag()]).toString('base64url');
}

/**
 * Opens a session token for the access key that it came with. `now` in milliseconds since the Unix epoch; a session ends at
 * its `expiresAt`, exclusively.
 *
 * Throws ApiError `InvalidSecurityToken.Malformed`, `.MismatchWithAccessKey`, `.Expired`.
 */
export type SessionOpener = (token: string, accessKeyId: string, now: number) => SealedSession;

/** Memory for opened sessions, roughly: a token is as long as what is in it. */
const KEPT_CHARACTERS = 8 * 1024 * 1024;

/**
 * Makes an opener of the tokens that `sessionKey` seals. A token's bytes say everything about its session, so each is
 * decrypted once, and asked at each call whose it is and whether it is over. What ends a session early is asked of the store.
 */
export function createSessionOpener(sessionKey: KeyObject): SessionOpener {
  const opened = new LRUCache<string, SealedSession>({ maxSize: KEPT_CHARACTERS });
  return (token, accessKeyId, now) => {
    const known = opened.get(token);
    const sealed = known ?? openClaims(token, sessionKey);
    const { session } = sealed;
    if (session.accessKeyId !== accessKeyId) {
      throw new ApiError(
        'InvalidSecurityToken.MismatchWithAccessKey',
        'The security token belongs to another access key. Use the access key, secret and token of one answer of STS together.',
      );
    }
    if (now >= session.expiresAt) {
      opened.delete(token);
      throw new ApiError('InvalidSecurityToken.Expired', 'The session is over. Assume the role again.');
    }
    if (known === undefined) opened.set(token, sealed, { size: token.length });
    return sealed;
  };
}

function openClaims(token: string, sessionKey: KeyObject): SealedSession {
  const { session, secret } = decryptClaims(token, sessionKey);
  if (session.serviceAccount !== undefined) Object.freeze(session.serviceAccount);
  return { session: Object.freeze(session), secret: SecretBytes.fromUtf8(secret) };
}

function decryptClaims(token: string, sessionKey: KeyObject): SessionClaims {
  const sealed = decodeToken(token);
  if (sealed === undefined) throw malformed();
  const decipher = createDecipheriv('aes-256-gcm', tokenKey(sessionKey, sealed), ivOf(sealed), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.concat([LABEL, sealed.subarray(0, 1)]));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    const plaintext = Buffer.concat([decipher.update(sealed.subarray(HEADER_BYTES, -TAG_BYTES)), decipher.final()]);
    return claimsSchema.parse(JSON.parse(plaintext.toString('utf8')));
  } catch {
    // Without the cause: whatever is wrong with it, the caller learns nothing from how.
    throw malformed();
  }
}

function malformed(): ApiError {
  return new ApiError(
    'InvalidSecurityToken.Malformed',
    'The security token is not one of this service. Assume the role again.',
  );
}

/** The token's bytes; `undefined` unless it is the one spelling of a token of this version. */
function decodeToken(token: string): Buffer | undefined {
  if (token.length > MAX_TOKEN_LENGTH) return undefined;
  const bytes = Buffer.from(token, 'base64url');
  if (bytes.length <= HEADER_BYTES + TAG_BYTES || bytes[0] !== VERSION) return undefined;
  return bytes.toString('base64url') === token ? bytes : undefined;
}

function tokenKey(sessionKey: KeyObject, header: Buffer): Buffer {
  return createHmac('sha256', sessionKey)
    .update(header.subarray(1, 1 + SALT_BYTES))
    .digest();
}

function ivOf(header: Buffer): Buffer {
  return header.subarray(1 + SALT_BYTES, HEADER_BYTES);
}
