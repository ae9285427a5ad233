import type { RandomBytes } from '../crypto/uuid.ts';
import type { Clock } from '../lib/clock.ts';
import type { AccessKeyIssuer } from '../ports/access-key-issuer.ts';
import type { CredentialUses } from '../ports/credential-uses.ts';
import type { KeyProvider } from '../ports/key-provider.ts';
import type { RotationHook } from '../ports/rotation-hook.ts';
import type { Store } from '../ports/store.ts';
import type { KeyUses } from './key-uses.ts';
import type { OwnChanges } from './own-changes.ts';
import type { SecretConsumers } from './secret-consumers.ts';

/** What kind of keys an instance holds. */
export type InstanceType = 'Software' | 'Hardware' | 'External';

/** A KMS instance (`kst-…`) besides `shared`, the instance that is always there. */
export interface InstanceDescription {
  readonly id: string;
  readonly type: InstanceType;
}

/** Everything that the KMS actions work with. */
export interface KmsDependencies {
  readonly store: Store;
  /** The providers of this installation; `software` is needed for the instance `shared`. */
  readonly providers: Readonly<Partial<Record<KeyProvider['kind'], KeyProvider>>>;
  /** Counts encryptions per key version. */
  readonly uses: Pick<KeyUses, 'take'>;
  /** Knows who reads which secret. */
  readonly consumers: SecretConsumers;
  /** Puts into the audit log what KMS changes by itself. */
  readonly ownChanges: Pick<OwnChanges, 'note'>;
  /** Knows when client keys were last used; nothing is told of it without. */
  readonly credentialUses?: CredentialUses;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Such as `local`. */
  readonly region: string;
  /** The one account of this installation, such as `1000000000000000`. */
  readonly accountId: string;
  readonly instances: readonly InstanceDescription[];
  /** Fires when the service stops: calls that wait for something then answer at once. */
  readonly closing?: AbortSignal;
  /** Rotates the access keys that secrets of type RAMCredentials hold; without it there are none. */
  readonly accessKeys?: AccessKeyIssuer;
  /** Changes credentials of databases, caches and servers; without it secrets of those types do not rotate. */
  readonly rotationHook?: RotationHook;
}

/** The scope of keys and secrets that belong to no instance. */
export const sharedScope = 'shared';
