import type { KeyObject } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { AccessPointDirectory, ServiceAccountReference } from '../ports/access-point-directory.ts';
import type { TokenVerifier } from '../ports/identity.ts';
import type { CallerIdentityVerifier, ClaimNonce } from '../ports/caller-identity.ts';
import type { RoleDirectory } from '../ports/role-directory.ts';

/** What the actions of STS work with. */
export interface StsDependencies {
  readonly accountId: string;
  readonly clock: Clock;
  /** Cryptographically strong random bytes. */
  readonly random: (bytes: number) => Buffer;
  /** Seals session tokens; 32 bytes. The same on every replica. */
  readonly sessionKey: KeyObject;
  /** By provider name, the last part of `acs:ram::<account>:oidc-provider/<name>`. */
  readonly verifiers: ReadonlyMap<string, TokenVerifier>;
  /** Finds the verifier of a provider that is registered in RAM. None unless given; `verifiers` come first. */
  readonly findVerifier?: (provider: string) => Promise<TokenVerifier | undefined>;
  readonly roles: RoleDirectory;
  readonly accessPoints: AccessPointDirectory;
  /** Service, such as `ecs.aliyuncs.com` → the service account that vouches for whoever runs on it. None unless given. */
  readonly serviceVouchers?: ReadonlyMap<string, ServiceAccountReference>;
  /** Proves sessions of roles in another account. None unless given. */
  readonly callerIdentity?: CallerIdentityEntrance;
}

/** How callers of another account are proven, and how a proof is kept from counting twice. */
export interface CallerIdentityEntrance {
  readonly verifier: CallerIdentityVerifier;
  readonly claimNonce: ClaimNonce;
}
