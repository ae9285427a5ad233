import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  jwtVerify,
  type FetchImplementation,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
} from 'jose';
import { z } from 'zod';
import type { Clock } from '../../lib/clock.ts';
import { ApiError } from '../../lib/errors.ts';
import { parseStrictJson } from '../../policy/strict-json.ts';
import type { TokenVerifier, VerifiedToken } from '../../ports/identity.ts';
import { expiredToken, invalidToken, MAX_TOKEN_LENGTH } from './claimed-audiences.ts';
import { serviceAccountOf } from './service-account.ts';

/** Signature algorithms that are accepted: asymmetric ones only, so no public key ever serves as an HMAC key. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

/** Clocks of issuer and KMS may differ by so much. */
const CLOCK_TOLERANCE_SECONDS = 5;

/** Three parts in base64url: no blank, no padding, no other alphabet, which lenient decoders read as the same (RFC 7515 §2). */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** Where the issuer's public keys are. */
export type JwksSource =
  | { readonly keys: JSONWebKeySet }
  /** `fetch` decides which CA is trusted; it must not follow redirects. */
  | { readonly url: string; readonly fetch?: FetchImplementation; readonly timeoutMs?: number };

export interface JwksVerifierOptions {
  /** Name of the provider, as in its ARN. */
  readonly provider: string;
  /** The tokens' `iss`, matched exactly. */
  readonly issuer: string;
  readonly jwks: JwksSource;
  readonly clock: Clock;
  /** Narrows the accepted algorithms. */
  readonly algorithms?: readonly string[];
}

/**
 * Verifies tokens of an OIDC issuer by its public keys (OpenID Connect Core, RFC 7519, RFC 8725). It cannot see whether a pod
 * or service account was deleted since; in the own cluster use TokenReview.
 */
export function createJwksVerifier(options: JwksVerifierOptions): TokenVerifier {
  const { provider, issuer, clock } = options;
  const keys = keySourceOf(options.jwks);
  const algorithms = ALGORITHMS.filter((name) => options.algorithms === undefined || options.algorithms.includes(name));
  return {
    provider,
    verify: async (token, audience, signal) => {
      if (token.length > MAX_TOKEN_LENGTH || !COMPACT.test(token) || audience === '') throw invalidToken();
      const payload = await verifySignature(token, keys, signal, {
        issuer,
        audience,
        algorithms,
        currentDate: new Date(clock.now()),
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ['iss', 'aud', 'sub', 'exp', 'iat'],
      });
      refuseDuplicates(token);
      return toVerifiedToken(provider, payload);
    },
  };
}

function keySourceOf(source: JwksSource): JWTVerifyGetKey {
  if ('keys' in source) return createLocalJWKSet(source.keys);
  const url = new URL(source.url);
  if (url.protocol !== 'https:') throw new Error(`The key set of an OIDC provider must be an https URL: ${source.url}`);
  return createRemoteJWKSet(url, {
    timeoutDuration: source.timeoutMs ?? 5000,
    ...(source.fetch === undefined ? {} : { [customFetch]: source.fetch }),
  });
}

type VerifyOptions = NonNullable<Parameters<typeof jwtVerify>[2]>;

async function verifySignature(
  token: string,
  keys: JWTVerifyGetKey,
  signal: AbortSignal,
  options: VerifyOptions,
): Promise<JWTPayload> {
  try {
    return (await untilAborted(jwtVerify(token, keys, options), signal)).payload;
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw expiredToken();
    if (isOutage(error)) {
      // Without the cause: what a fetch throws may quote what it was given.
      throw new ApiError(
        'ServiceUnavailableTemporary',
        "The OIDC provider's keys cannot be fetched, so no token of it is accepted. Try again.",
      );
    }
    throw invalidToken();
  }
}

/** The work's outcome, or the signal's reason when it fires first: the caller may give up while the keys are being fetched. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason as Error);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Whether the key set could not be had, as opposed to the token being wrong. Both refuse; this one is worth a retry. */
function isOutage(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError)) return true;
  return error.code === 'ERR_JOSE_GENERIC' || error instanceof errors.JWKSInvalid;
}

/** A claim that occurs twice means one thing to us and another to somebody else. */
function refuseDuplicates(token: string): void {
  try {
    for (const part of token.split('.', 2)) parseStrictJson(Buffer.from(part, 'base64url').toString('utf8'));
  } catch {
    throw invalidToken();
  }
}

/** Seconds since the Unix epoch that a Date can hold. */
const seconds = z.number().min(0).max(8.64e12);

/** The claims that are read, in the one form of each (RFC 7519 §4.1). The verification above leaves `sub` and the items of `aud` open. */
const claimsSchema = z.object({
  iss: z.string(),
  sub: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  exp: seconds,
  iat: seconds,
});

function toVerifiedToken(provider: string, payload: JWTPayload): VerifiedToken {
  const claims = claimsSchema.safeParse(payload);
  if (!claims.success) throw invalidToken();
  const { iss, sub, aud, exp, iat } = claims.data;
  const serviceAccount = serviceAccountOf(provider, sub, payload);
  return {
    issuer: iss,
    subject: sub,
    audiences: typeof aud === 'string' ? [aud] : aud,
    issuedAt: iat * 1000,
    expiresAt: exp * 1000,
    ...(serviceAccount === undefined ? {} : { serviceAccount }),
  };
}
