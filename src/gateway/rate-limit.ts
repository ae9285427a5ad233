import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.ts';
import { ApiError } from '../lib/errors.ts';
import { principalArn, type Principal } from '../policy/principal.ts';

/** How many requests per second one caller may make, on average. 0 sets no limit. */
export interface RateLimits {
  /** For each identity: a user, a client key, a session of a role; pods that share a session name count each by itself. */
  readonly callerPerSecond: number;
  /** For each source address, over the calls that need no signature (AssumeRoleWithOIDC, AssumeRoleWithCallerIdentity). */
  readonly anonymousPerSecond: number;
}

export const noRateLimits: RateLimits = { callerPerSecond: 0, anonymousPerSecond: 0 };

/** A token bucket: what was left in it, and when. */
interface Bucket {
  tokens: number;
  /** Milliseconds of the monotonic clock. */
  at: number;
}

/** A caller may save up requests for that long, and then make them at once. */
const burstSeconds = 2;
/** The least recently seen callers are forgotten, which gives them a full bucket: memory stays bounded. */
const maxCallers = 20_000;

/**
 * Keeps one caller from taking the service away from the others (checklist I2): a token bucket for each, in this process.
 * With several replicas a caller has the limit at each of them.
 */
export class RateLimiter {
  readonly #limits: RateLimits;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #buckets: LRUCache<string, Bucket> = new LRUCache({ max: maxCallers });

  constructor(limits: RateLimits, clock: Pick<Clock, 'monotonic'>) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Takes one request off what the caller has left. Throws `Rejected.Throttling` when nothing is. */
  admit(principal: Principal, sourceIp: string): void {
    const anonymous = principal.kind === 'Anonymous';
    const perSecond = anonymous ? this.#limits.anonymousPerSecond : this.#limits.callerPerSecond;
    if (perSecond === 0) return;
    const now = this.#clock.monotonic();
    const caller = anonymous ? sourceIp : callerOf(principal);
    const bucket = this.#buckets.get(caller) ?? { tokens: perSecond * burstSeconds, at: now };
    const tokens = Math.min(perSecond * burstSeconds, bucket.tokens + ((now - bucket.at) / 1000) * perSecond);
    const admitted = tokens >= 1;
    this.#buckets.set(caller, { tokens: admitted ? tokens - 1 : tokens, at: now });
    if (!admitted) throw tooMany(perSecond);
  }
}

/** Sessions of pods are named after their service account, so a pod is told by its UID. */
function callerOf(principal: Principal): string {
  const podUid = principal.kind === 'RoleSession' ? principal.serviceAccount?.podUid : undefined;
  return `${principalArn(principal)}\n${podUid ?? ''}`;
}

function tooMany(perSecond: number): ApiError {
  return new ApiError(
    'Rejected.Throttling',
    `More than ${perSecond} requests per second. Wait, and send fewer; the operator of the service sets the limit.`,
  );
}
