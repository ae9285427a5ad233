import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCredentialFile, type RootCredential } from '../../cli/connection.ts';
import { KmsClient, oidcCredentials, staticCredentials } from '../../client/kms-client.ts';
import { createControllers } from '../../controllers/operator.ts';
import { noRateLimits } from '../../gateway/rate-limit.ts';
import { EventRecorder } from '../../kube/events.ts';
import type { ManifestClusterApi } from '../../kube/manifest-cluster-api.ts';
import { Reflectors } from '../../kube/reflectors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ListenAddress } from '../../lib/config.ts';
import type { Logger } from '../../lib/log.ts';
import { createMetrics } from '../../lib/metrics.ts';
import { OPERATOR_AUDIENCE, OPERATOR_ROLE } from '../../ram/operator-role.ts';
import { createJwksVerifier } from '../../sts/oidc/jwks-verifier.ts';
import { noAccessSettings } from '../access-config.ts';
import { plainAudit } from '../audit-config.ts';
import { startKmsService, type KmsService } from '../kms-service.ts';
import { apiOf, clientThatWaits } from '../kms-clients.ts';
import { openManifests } from './manifests.ts';
import { TokenIssuer } from './token-issuer.ts';

export interface StandaloneOptions {
  /** Keeps all state. Made when missing. */
  dataDir: string;
  /** Folder of manifests for the controllers; none runs without it. */
  manifestsDir?: string;
  listen: ListenAddress;
  region: string;
  accountId: string;
  instances: readonly { id: string; type: 'Software' }[];
  clock: Clock;
  log: Logger;
}

/** The whole product in one process, without a cluster. */
export interface Standalone {
  service: KmsService;
  dataDir: string;
  endpoint: string;
  cluster: ManifestClusterApi;
  /** Issues the tokens that pods would have on a cluster. */
  issuer: TokenIssuer;
  root: RootCredential;
  /** A client that acts as the account root. Close it. */
  rootClient(): KmsClient;
  close(): Promise<void>;
}

/** Name of the OIDC provider whose tokens {@link TokenIssuer} issues. */
export const standaloneProvider = 'kubernetes';

const operatorAccount = { namespace: 'kaap-system', serviceAccount: 'kaap-operator' };

/** Starts the KMS, and the controllers over the folder of manifests. */
export async function startStandalone(options: StandaloneOptions): Promise<Standalone> {
  const { dataDir, clock, log, region } = options;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const issuer = new TokenIssuer(clock);
  const manifests = await openManifests(options.manifestsDir, clock);
  for (const { file, message } of manifests.problems) log.error({ file }, message);
  const service = await startKms(options, issuer);
  const endpoint = `https://127.0.0.1:${service.port}`;
  const root = JSON.parse(await readFile(join(dataDir, rootCredentialFile), 'utf8')) as RootCredential;
  const { AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret } = root;
  const { cluster } = manifests;
  const operator = startOperator(options, { cluster, issuer, endpoint, caPem: service.caPem, log });
  return {
    service,
    dataDir,
    endpoint,
    cluster,
    issuer,
    root,
    rootClient: () =>
      new KmsClient({
        endpoint,
        caPem: service.caPem,
        region,
        credentials: staticCredentials({ accessKeyId, accessKeySecret }),
      }),
    close: async () => {
      await operator.stop();
      await service.close();
    },
  };
}

function startKms(options: StandaloneOptions, issuer: TokenIssuer): Promise<KmsService> {
  const { dataDir, clock, log, region, accountId, instances, listen } = options;
  const verifier = createJwksVerifier({
    provider: standaloneProvider,
    issuer: issuer.issuer,
    jwks: { keys: issuer.jwks },
    clock,
  });
  return startKmsService({
    config: {
      region,
      accountId,
      logLevel: 'info',
      listen,
      metricsListen: { host: '127.0.0.1', port: 0 },
      lingerSeconds: 0,
      dataDir,
      seal: { kind: 'file', path: join(dataDir, 'seal.key') },
      database: undefined,
      audit: plainAudit,
      tombstoneJournal: undefined,
      replica: 'standalone',
      caDir: undefined,
      servingNames: ['localhost', '127.0.0.1', '::1'],
      oidcProvider: standaloneProvider,
      tokenReview: false,
      operatorServiceAccount: `${operatorAccount.namespace}:${operatorAccount.serviceAccount}`,
      instances,
      trustedProxies: [],
      rotationHook: undefined,
      rateLimits: noRateLimits,
      ...noAccessSettings,
    },
    verifiers: new Map([[standaloneProvider, verifier]]),
    clock,
    log,
    metrics: createMetrics(),
    createIfMissing: true,
  });
}

interface OperatorParts {
  cluster: ManifestClusterApi;
  issuer: TokenIssuer;
  endpoint: string;
  caPem: string;
  log: Logger;
}

function startOperator(options: StandaloneOptions, parts: OperatorParts): { stop(): Promise<void> } {
  const { clock, region, accountId } = options;
  const { cluster, issuer, endpoint, caPem, log } = parts;
  const stopping = new AbortController();
  const { signal } = stopping;
  const credentials = oidcCredentials({
    endpoint,
    caPem,
    roleArn: `acs:ram::${accountId}:role/${OPERATOR_ROLE}`,
    oidcProviderArn: `acs:ram::${accountId}:oidc-provider/${standaloneProvider}`,
    token: () => issuer.issue({ ...operatorAccount, audience: OPERATOR_AUDIENCE }),
    sessionName: 'operator',
    clock,
  });
  const kms = new KmsClient({ endpoint, caPem, region, credentials, clock, signal });
  const waits = clientThatWaits({ endpoint, caPem, region, credentials, clock, signal });
  const recorder = new EventRecorder({
    api: cluster,
    controller: 'kaap.dev/operator',
    instance: 'standalone',
    clock,
    random: Math.random,
    log,
  });
  const reflectors = new Reflectors({ source: cluster, log });
  const controllers = createControllers({
    cluster,
    reflectors,
    kms: apiOf(kms, 'Kms'),
    waits: apiOf(waits, 'Kms'),
    ram: apiOf(kms, 'Ram'),
    recordEvent: (object, type, reason, note) => {
      void recorder.record(object, { type, reason, action: 'Reconcile', note }, { signal });
    },
    clock,
    random: Math.random,
    log,
  });
  const running = Promise.all([reflectors.run(signal), ...controllers.map((controller) => controller.run(signal))]);
  return {
    stop: async () => {
      stopping.abort();
      await running.catch(() => undefined);
      kms.close();
      waits.close();
    },
  };
}
