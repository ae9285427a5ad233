import type { Clock } from '../lib/clock.ts';
import type { PolicySource } from '../policy/policy-set.ts';
import type { AccessFacts } from '../ports/access-facts.ts';
import type { CredentialUses } from '../ports/credential-uses.ts';
import type { Store } from '../ports/store.ts';

/** What the actions of RAM work with. */
export interface RamDependencies {
  readonly store: Store;
  readonly clock: Clock;
  /** Cryptographically strong random bytes. */
  readonly random: (bytes: number) => Buffer;
  readonly accountId: string;
  /** Everything that speaks about a principal: what enforcement asks, too. */
  readonly policySource: PolicySource;
  readonly facts: AccessFacts;
  readonly credentialUses: CredentialUses;
  /** Names of the OIDC providers that the configuration brings: none is registered beside them. */
  readonly ownProviders: readonly string[];
}
