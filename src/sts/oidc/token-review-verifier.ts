import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../lib/clock.ts';
import { ApiError } from '../../lib/errors.ts';
import type { ServiceAccountIdentity } from '../../policy/principal.ts';
import type { TokenVerifier, VerifiedToken } from '../../ports/identity.ts';
import type { ReviewToken, TokenReviewStatus } from '../../ports/token-review.ts';
import { decodeClaims, expiredToken, invalidToken, MAX_TOKEN_LENGTH } from './claimed-audiences.ts';
import { parseServiceAccountSubject } from './service-account.ts';

/** Longest time that an answer may be remembered: so long a deleted pod's token may still work. */
const MAX_CACHE_MS = 5000;
const CACHE_ENTRIES = 10_000;

export interface TokenReviewVerifierOptions {
  /** Name of the provider, as in its ARN. */
  readonly provider: string;
  readonly reviewToken: ReviewToken;
  readonly clock: Clock;
  /** How long an acceptance is remembered, in milliseconds; 0 (the default) asks every time, at most 5000. */
  readonly cacheMs?: number;
}

/**
 * Verifies tokens by asking the API server that issued them (TokenReview). A token bound to a pod or service account that was
 * deleted is refused at once. Fails closed: no answer, or an answer that is not a clear yes for the audience, refuses.
 */
export function createTokenReviewVerifier(options: TokenReviewVerifierOptions): TokenVerifier {
  const { provider, reviewToken, clock } = options;
  const accepted = new AcceptedTokens(clock, Math.min(options.cacheMs ?? 0, MAX_CACHE_MS));
  return {
    provider,
    verify: async (token, audience, signal) => {
      if (token.length > MAX_TOKEN_LENGTH || audience === '') throw invalidToken();
      const known = accepted.find(token, audience);
      if (known !== undefined) return known;
      const status = await ask(reviewToken, token, audience, signal);
      const verified = readStatus(status, { provider, token, audience, nowMs: clock.now() });
      accepted.remember(token, audience, verified);
      return verified;
    },
  };
}

async function ask(
  reviewToken: ReviewToken,
  token: string,
  audience: string,
  signal: AbortSignal,
): Promise<TokenReviewStatus> {
  try {
    return await reviewToken({ token, audiences: [audience] }, signal);
  } catch {
    // Without the cause: a transport's error may quote the request, and with it the token.
    throw new ApiError(
      'ServiceUnavailableTemporary',
      'The API server does not answer the review of the token, so it is not accepted. Try again.',
    );
  }
}

interface Reviewed {
  readonly provider: string;
  readonly token: string;
  readonly audience: string;
  readonly nowMs: number;
}

function readStatus(status: TokenReviewStatus, { provider, token, audience, nowMs }: Reviewed): VerifiedToken {
  // An API server that knows no audiences answers without them; that is no yes (Kubernetes TokenReviewStatus.audiences).
  if (status.authenticated !== true || status.audiences?.includes(audience) !== true) throw invalidToken();
  const { iss, sub, exp, iat } = decodeClaims(token);
  const subject = status.user?.username;
  if (subject === undefined || subject !== sub) throw invalidToken();
  if (typeof iss !== 'string' || typeof exp !== 'number' || typeof iat !== 'number') throw invalidToken();
  if (exp * 1000 <= nowMs) throw expiredToken();
  const serviceAccount = readServiceAccount(provider, subject, status);
  return {
    issuer: iss,
    subject,
    audiences: [audience],
    issuedAt: iat * 1000,
    expiresAt: exp * 1000,
    ...(serviceAccount === undefined ? {} : { serviceAccount }),
  };
}

function readServiceAccount(
  provider: string,
  subject: string,
  { user }: TokenReviewStatus,
): ServiceAccountIdentity | undefined {
  const named = parseServiceAccountSubject(subject);
  if (named === undefined) return undefined;
  const podName = user?.extra?.['authentication.kubernetes.io/pod-name']?.[0];
  const podUid = user?.extra?.['authentication.kubernetes.io/pod-uid']?.[0];
  return {
    provider,
    ...named,
    ...(user?.uid === undefined ? {} : { uid: user.uid }),
    ...(podName === undefined ? {} : { podName }),
    ...(podUid === undefined ? {} : { podUid }),
  };
}

/** Remembers acceptances for a moment, by digest, so that no token lies in memory. Refusals are never remembered. */
class AcceptedTokens {
  readonly #entries = new LRUCache<string, { verified: VerifiedToken; until: number }>({ max: CACHE_ENTRIES });
  readonly #clock: Clock;
  readonly #keepMs: number;

  constructor(clock: Clock, keepMs: number) {
    this.#clock = clock;
    this.#keepMs = keepMs;
  }

  find(token: string, audience: string): VerifiedToken | undefined {
    if (this.#keepMs <= 0) return undefined;
    const entry = this.#entries.get(keyOf(token, audience));
    if (entry === undefined || this.#clock.monotonic() >= entry.until) return undefined;
    return this.#clock.now() < entry.verified.expiresAt ? entry.verified : undefined;
  }

  remember(token: string, audience: string, verified: VerifiedToken): void {
    if (this.#keepMs <= 0) return;
    this.#entries.set(keyOf(token, audience), { verified, until: this.#clock.monotonic() + this.#keepMs });
  }
}

function keyOf(token: string, audience: string): string {
  return `${createHash('sha256').update(token).digest('base64')} ${audience}`;
}
