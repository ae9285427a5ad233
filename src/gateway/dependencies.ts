import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';
import type { PolicySource } from '../policy/policy-set.ts';
import type { AnyAction } from '../ports/action.ts';
import type { AuditSink } from '../ports/audit-sink.ts';
import type { CredentialSource } from '../ports/identity.ts';
import type { NonceStore } from './nonce-store.ts';
import type { RateLimits } from './rate-limit.ts';

/** Everything the gateway works with. */
export interface GatewayDependencies {
  readonly actions: readonly AnyAction[];
  readonly credentials: CredentialSource;
  readonly policySource: PolicySource;
  readonly audit: AuditSink;
  readonly nonces: NonceStore;
  readonly clock: Clock;
  /** Gives that many random bytes; makes request ids. */
  readonly random: (bytes: number) => Buffer;
  readonly log: Logger;
  /** Addresses and CIDRs of proxies whose `X-Forwarded-For` is believed. None unless given. */
  readonly trustedProxies?: readonly string[];
  /** Receives `kaap_requests_total` and `kaap_request_duration_seconds`. */
  readonly metrics?: Pick<Metrics, 'count' | 'observe'>;
  /** None unless given. */
  readonly rateLimits?: RateLimits;
  /** Largest request body in bytes; 3 MiB unless given, as the KMS instance gateway documents. */
  readonly maxBodyBytes?: number;
  /** Why the service cannot work now, such as being sealed; `undefined` when it can. Answers `GET /readyz`. */
  readonly notReady?: () => string | undefined;
}
