import { createPublicKey, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCredentialFile, type RootCredential } from '../cli/connection.ts';
import { createCredentialSource } from '../gateway/credential-source.ts';
import { createGateway } from '../gateway/gateway.ts';
import type { NonceStore } from '../gateway/nonce-store.ts';
import { createAccessFacts } from '../kms/access-facts.ts';
import { createAccessPointDirectory, findClientKey, loadAccessPoint } from '../kms/access-points.ts';
import { createKmsActions } from '../kms/actions.ts';
import type { KmsDependencies } from '../kms/dependencies.ts';
import type { Clock } from '../lib/clock.ts';
import { startHttpServer, type HttpServer } from '../lib/http-server.ts';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';
import type { PolicySource } from '../policy/policy-set.ts';
import type { TokenVerifier } from '../ports/identity.ts';
import type { Store } from '../ports/store.ts';
import { SoftwareProvider } from '../providers/software-provider.ts';
import { createRamActions } from '../ram/actions.ts';
import { isRoleGone, loadIdentityPolicies } from '../ram/identity-policies.ts';
import { ensureOperatorRole } from '../ram/operator-role.ts';
import { ensureRootAccessKey } from '../ram/root-access-key.ts';
import { findRole } from '../ram/roles.ts';
import { createStsActions } from '../sts/actions.ts';
import { openAuditFileSink, type AuditFileSink } from '../storage/audit-file-sink.ts';
import type { Barrier } from '../storage/barrier.ts';
import { openFileAnchor } from '../storage/file-anchor.ts';
import { StoreLease } from '../storage/store-lease.ts';
import type { KmsConfig } from './kms-config.ts';
import { openKmsState } from './kms-state.ts';
import { startUpkeep, upkeepLeaseMs } from './kms-upkeep.ts';
import { leafRenewalMs, openServingAuthority, type ServingAuthority } from './serving-authority.ts';

export interface KmsServiceDependencies {
  config: KmsConfig;
  /** Verifies pods' tokens, by the name of the OIDC provider. */
  verifiers: ReadonlyMap<string, TokenVerifier>;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  /** Makes seal key and authority where there are none: for a throw-away or first standalone start. */
  createIfMissing: boolean;
}

/** A running KMS. */
export interface KmsService {
  port: number;
  /** What clients trust. */
  caPem: string;
  /** Folder of the audit log's files. */
  auditDir: string;
  /** PEM of the public key that verifies the audit log's checkpoints. */
  auditPublicKeyPem: string;
  barrier: Barrier;
  /** Sets the gauges that tell the state. */
  updateGauges(): void;
  /** Why it cannot work now; `undefined` when it can. */
  notReady(): string | undefined;
  close(): Promise<void>;
}

/** Opens the state, bootstraps what a first start needs, and serves the API until closed. */
export async function startKmsService(dependencies: KmsServiceDependencies): Promise<KmsService> {
  const { config, clock, log, createIfMissing } = dependencies;
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  const authority = await openServingAuthority({
    folder: config.caDir ?? config.dataDir,
    createIfMissing: createIfMissing && config.caDir === undefined,
    names: config.servingNames,
    clock,
  });
  const state = await openKmsState(dependencies);
  const { barrier } = state;
  await bootstrap(dependencies, barrier);
  const auditDir = join(config.dataDir, 'audit');
  const checkpointKey = barrier.deriveSigningKey('audit-checkpoint');
  const auditPublicKeyPem = createPublicKey(checkpointKey).export({ type: 'spki', format: 'pem' }).toString();
  await writeFile(join(config.dataDir, 'audit-checkpoint.pem'), auditPublicKeyPem);
  const anchor = await openFileAnchor(config.auditAnchor ?? join(config.dataDir, 'audit-anchor.json'));
  const audit = await openAuditFileSink({
    directory: auditDir,
    checkpointKey,
    anchor: anchor.anchor,
    ...(anchor.last === undefined ? {} : { anchored: anchor.last }),
    clock,
    log,
  });
  const notReady = (): string | undefined => readinessProblem(barrier, audit);
  const closing = new AbortController();
  const kms = kmsDependencies(dependencies, barrier, closing.signal);
  const lease = { store: barrier, name: 'upkeep', holder: config.replica, clock, durationMs: upkeepLeaseMs };
  const stopUpkeep = startUpkeep(kms, new StoreLease(lease), log);
  const server = await serve(dependencies, kms, state, audit, authority, notReady);
  const renewal = setInterval(() => server.reloadCertificate(authority.issue()), Math.min(leafRenewalMs, 2 ** 31 - 1));
  renewal.unref();
  return {
    port: server.port,
    caPem: authority.caPem,
    auditDir,
    auditPublicKeyPem,
    barrier,
    updateGauges: () => {
      dependencies.metrics.set('kaap_sealed', barrier.sealed ? 1 : 0);
      dependencies.metrics.set('kaap_audit_healthy', audit.healthy ? 1 : 0);
    },
    notReady,
    close: async () => {
      clearInterval(renewal);
      closing.abort();
      await server.close();
      await stopUpkeep();
      await audit.close();
      await anchor.flush();
      await state.close();
    },
  };
}

function kmsDependencies(
  { config, clock }: KmsServiceDependencies,
  store: Store,
  closing: AbortSignal,
): KmsDependencies {
  const { region, accountId, instances } = config;
  const providers = { software: new SoftwareProvider({ random: randomBytes }) };
  return { store, providers, clock, random: randomBytes, region, accountId, instances, closing };
}

/** What a first start needs: the account's access key in a file, and the role of the operator. */
async function bootstrap({ config, clock, log }: KmsServiceDependencies, store: Store): Promise<void> {
  const made = await ensureRootAccessKey(store, { now: clock.now(), random: randomBytes });
  if (made !== undefined) {
    const file = join(config.dataDir, rootCredentialFile);
    const credential: RootCredential = {
      AccessKeyId: made.accessKeyId,
      AccessKeySecret: made.secret.reveal().toString('utf8'),
    };
    await writeFile(file, `${JSON.stringify(credential, null, 2)}\n`, { mode: 0o600 });
    log.info({ file }, 'wrote the access key of the account root; keep it safe or delete it once others exist');
  }
  const [namespace, serviceAccount] = config.operatorServiceAccount?.split(':') ?? [];
  if (namespace === undefined || serviceAccount === undefined) return;
  const { accountId, oidcProvider: provider } = config;
  await ensureOperatorRole(store, { accountId, provider, namespace, serviceAccount }, randomBytes);
}

function readinessProblem(barrier: Barrier, audit: AuditFileSink): string | undefined {
  if (barrier.sealed) return 'The store is sealed.';
  return audit.healthy ? undefined : 'The audit log cannot be written.';
}

async function serve(
  { config, verifiers, clock, log, metrics }: KmsServiceDependencies,
  kms: KmsDependencies,
  { barrier, nonces }: { barrier: Barrier; nonces: NonceStore },
  audit: AuditFileSink,
  authority: ServingAuthority,
  notReady: () => string | undefined,
): Promise<HttpServer> {
  const { accountId, serviceVouchers } = config;
  const random = randomBytes;
  const sessionKey = barrier.deriveSecretKey('sts-session');
  const store: Store = barrier;
  const accessPoints = createAccessPointDirectory(store);
  const roles = { findRole: (name: string) => findRole(store, name) };
  const policySource = createPolicySource(store);
  const gateway = createGateway({
    actions: [
      ...createKmsActions(kms),
      ...createStsActions({ accountId, clock, random, sessionKey, verifiers, roles, accessPoints, serviceVouchers }),
      ...createRamActions({ store, clock, random, accountId, policySource, facts: createAccessFacts(kms) }),
    ],
    credentials: createCredentialSource({
      store,
      sessionKey,
      clock,
      accountId,
      findClientKey: (id) => findClientKey(store, id),
    }),
    policySource,
    audit,
    nonces,
    clock,
    random,
    log,
    metrics,
    trustedProxies: config.trustedProxies,
    rateLimits: config.rateLimits,
    notReady,
  });
  return startHttpServer({ address: config.listen, certificate: authority.issue(), handler: gateway });
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
