import { randomBytes } from 'node:crypto';
import { createCredentialSource } from '../gateway/credential-source.ts';
import type { CredentialUseTally } from '../gateway/credential-uses.ts';
import { createGateway, type Gateway } from '../gateway/gateway.ts';
import type { NonceStore } from '../gateway/nonce-store.ts';
import { observedAudit } from '../gateway/observed-audit.ts';
import { createAccessFacts } from '../kms/access-facts.ts';
import { createAccessPointDirectory, findClientKey, loadAccessPoint } from '../kms/access-points.ts';
import { createKmsActions } from '../kms/actions.ts';
import type { KmsDependencies } from '../kms/dependencies.ts';
import { rehearsalOf } from '../kms/rehearsal.ts';
import { createServiceActions, type ServiceControl } from '../kms/service-actions.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';
import type { PolicySource } from '../policy/policy-set.ts';
import type { TokenVerifier } from '../ports/identity.ts';
import type { Store } from '../ports/store.ts';
import { createPinnedFetch } from '../providers/pinned-fetch.ts';
import { createStsCallerIdentity } from '../providers/sts-caller-identity.ts';
import { createRamActions, type RamDependencies } from '../ram/actions.ts';
import { isRoleGone, loadIdentityPolicies } from '../ram/identity-policies.ts';
import { oidcProviderFinder } from '../ram/oidc-providers.ts';
import { findRole } from '../ram/roles.ts';
import type { AuditFileSink } from '../storage/audit-file-sink.ts';
import type { Barrier } from '../storage/barrier.ts';
import { RehearsedStore } from '../storage/rehearsed-store.ts';
import { createStsActions, type StsDependencies } from '../sts/actions.ts';
import { createRegisteredVerifiers } from '../sts/oidc/registered-verifiers.ts';
import type { KmsConfig } from './kms-config.ts';

/** What of the process the API needs. */
export interface ApiDependencies {
  config: KmsConfig;
  /** Verifies pods' tokens, by the name of the OIDC provider. */
  verifiers: ReadonlyMap<string, TokenVerifier>;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
}

/** The dependencies of KMS, with what counts the uses of credentials. */
export type ApiKms = KmsDependencies & { readonly credentialUses: CredentialUseTally };

/** What the API works with besides the dependencies of KMS. */
export interface ApiParts {
  barrier: Barrier;
  nonces: NonceStore;
  audit: AuditFileSink;
  control: ServiceControl;
  notReady: () => string | undefined;
}

/** The gateway with every action of KMS, STS and RAM. */
export function createApi(
  { config, verifiers, clock, log, metrics }: ApiDependencies,
  kms: ApiKms,
  { barrier, nonces, audit, control, notReady }: ApiParts,
): Gateway {
  const { accountId, serviceVouchers, callerIdentity } = config;
  const random = randomBytes;
  const sessionKey = barrier.deriveSecretKey('sts-session');
  const store: Store = barrier;
  const accessPoints = createAccessPointDirectory(store, clock);
  const roles = { findRole: (name: string) => findRole(store, name) };
  const findVerifier = createRegisteredVerifiers({
    find: oidcProviderFinder(store),
    fetchFor: createPinnedFetch,
    clock,
  });
  const policySource = createPolicySource(store);
  const ram: RamDependencies = {
    store,
    clock,
    random,
    accountId,
    policySource,
    facts: createAccessFacts(kms),
    credentialUses: kms.credentialUses,
    ownProviders: [...verifiers.keys()],
  };
  const sts: StsDependencies = {
    accountId,
    clock,
    random,
    sessionKey,
    verifiers,
    findVerifier,
    roles,
    accessPoints,
    serviceVouchers,
    ...(callerIdentity !== undefined && {
      callerIdentity: {
        verifier: createStsCallerIdentity(callerIdentity),
        claimNonce: nonces.claim.bind(nonces),
      },
    }),
  };
  return createGateway({
    actions: [
      ...createKmsActions(kms, () => rehearsalOf(kms, new RehearsedStore(store))),
      ...createServiceActions(control),
      ...createStsActions(sts, () => rehearsedSts(sts, createAccessPointDirectory(new RehearsedStore(store), clock))),
      ...createRamActions(ram, () => ({ ...ram, store: new RehearsedStore(store) })),
    ],
    credentials: createCredentialSource({
      store,
      sessionKey,
      clock,
      accountId,
      findClientKey: (id) => findClientKey(store, id),
    }),
    policySource,
    audit: observedAudit(audit, [kms.consumers, kms.credentialUses]),
    nonces,
    clock,
    random,
    log,
    metrics,
    trustedProxies: config.trustedProxies,
    rateLimits: config.rateLimits,
    notReady,
  });
}

/** Everything that speaks about a principal: its own policies, and those of the access point it came through. */
function createPolicySource(store: Store): PolicySource {
  return async (principal) => {
    const accessPoint = 'accessPoint' in principal ? principal.accessPoint : undefined;
    if (accessPoint === undefined) return { identityPolicies: await loadIdentityPolicies(store, principal) };
    const grant = (await isRoleGone(store, principal)) ? undefined : await loadAccessPoint(store, accessPoint);
    return grant === undefined ? { identityPolicies: [] } : { identityPolicies: [], accessPoint: grant };
  };
}

/** The dependencies of a dry run of STS. A proof of Alibaba Cloud's STS is shown to it, and may count there. */
function rehearsedSts(sts: StsDependencies, accessPoints: StsDependencies['accessPoints']): StsDependencies {
  const { callerIdentity } = sts;
  if (callerIdentity === undefined) return { ...sts, accessPoints };
  return { ...sts, accessPoints, callerIdentity: { ...callerIdentity, claimNonce: () => 'fresh' } };
}
