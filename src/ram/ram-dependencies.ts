import type { Clock } from '../lib/clock.ts';
import type { Store } from '../ports/store.ts';

/** What the actions of RAM work with. */
export interface RamDependencies {
  readonly store: Store;
  readonly clock: Clock;
  /** Cryptographically strong random bytes. */
  readonly random: (bytes: number) => Buffer;
  readonly accountId: string;
}
