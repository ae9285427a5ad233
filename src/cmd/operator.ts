import { hostname } from 'node:os';
import { z } from 'zod';
import { KmsClient, oidcCredentials, type KmsClientOptions } from '../client/kms-client.ts';
import { createControllers } from '../controllers/operator.ts';
import { EventRecorder } from '../kube/events.ts';
import { LeaderElector } from '../kube/lease.ts';
import { Reflectors } from '../kube/reflectors.ts';
import { systemSleep } from '../kube/sleep.ts';
import { systemClock } from '../lib/clock.ts';
import { parseListenAddress, readConfig, readSettingFile } from '../lib/config.ts';
import { startHealthServer } from '../lib/health-server.ts';
import { createLogger } from '../lib/log.ts';
import { createMetrics } from '../lib/metrics.ts';
import { shutdownSignal } from '../lib/signals.ts';
import { controllerMetrics } from './controller-metrics.ts';
import { connectToCluster } from './cluster-connection.ts';
import { exitOnFailure } from './exit.ts';
import { installationVariables } from './installation.ts';
import { apiOf, clientThatWaits } from './kms-clients.ts';

const schema = z.object({
  ...installationVariables,
  KAAP_ENDPOINT: z.url({ error: 'write the address of the KMS, such as https://kaap-kms.kaap-system.svc' }),
  KAAP_CA_FILE: z.string({ error: 'name the file with the certificate authority of the KMS' }),
  KAAP_TOKEN_FILE: z.string({ error: 'name the projected token with the audience kaap.dev/operator' }),
  KAAP_OIDC_PROVIDER: z.string().default('kubernetes'),
  KAAP_METRICS_LISTEN: z.string().default(':9090'),
  KAAP_EXEMPT_NAMESPACES: z.string().default(''),
  KAAP_ROLLOUT: z.stringbool().default(false),
  KAAP_ROLLOUT_TIMEOUT_SECONDS: z.coerce.number().int().min(10).default(300),
  KAAP_REPAIR_PODS: z.stringbool().default(true),
  POD_NAME: z.string().default(hostname()),
  POD_NAMESPACE: z.string({ error: 'name the namespace of this pod' }),
});

async function main(): Promise<void> {
  const config = readConfig(schema, process.env);
  const log = createLogger({ name: 'operator', level: config.KAAP_LOG_LEVEL });
  const signal = shutdownSignal();
  const metrics = createMetrics();
  const { api: cluster } = await connectToCluster({ log });
  const location = kmsOf(config);
  const [kms, waits] = [new KmsClient({ ...location, deadlineMs: 10_000 }), clientThatWaits(location)];
  const reflectors = new Reflectors({ source: cluster, log });
  const common = { clock: systemClock, random: Math.random, log };
  const recorder = new EventRecorder({
    ...common,
    api: cluster,
    controller: 'kaap.dev/operator',
    instance: config.POD_NAME,
  });
  const kinds = new Set<string>();
  const controllers = createControllers({
    ...common,
    cluster,
    reflectors,
    kms: apiOf(kms, 'Kms'),
    waits: apiOf(waits, 'Kms'),
    ram: apiOf(kms, 'Ram'),
    recordEvent: (object, type, reason, note) => {
      void recorder.record(object, { type, reason, action: 'Reconcile', note }, { signal });
    },
    setStale: (kind, objects) => {
      kinds.add(kind);
      metrics.set('kaap_stale_objects', objects, { kind });
    },
    metrics: controllerMetrics(metrics),
    rollout: {
      enabled: config.KAAP_ROLLOUT,
      timeoutMs: config.KAAP_ROLLOUT_TIMEOUT_SECONDS * 1000,
      countRollout: (result) => metrics.count('kaap_rollouts_total', { on_change: 'Rollout', result }),
      countRestart: (result) => metrics.count('kaap_rollouts_total', { on_change: 'RestartContainers', result }),
    },
    repair: {
      exemptNamespaces: [config.POD_NAMESPACE, ...config.KAAP_EXEMPT_NAMESPACES.split(',').filter(Boolean)],
      evicts: config.KAAP_REPAIR_PODS,
      setUninjected: (pods) => metrics.set('kaap_uninjected_pods', pods),
      countRepair: (result) => metrics.count('kaap_injection_repairs_total', { result }),
    },
  });
  const health = await startHealthServer({
    address: parseListenAddress(config.KAAP_METRICS_LISTEN),
    metrics,
    notReady: () => (reflectors.hasSynced ? undefined : 'The first listing of the custom resources is not complete.'),
  });
  const elector = new LeaderElector({
    ...common,
    api: cluster,
    namespace: config.POD_NAMESPACE,
    name: 'kaap-operator',
    identity: `${config.POD_NAME}_${process.pid}_${Date.now()}`,
    sleep: systemSleep,
  });
  const lead = async (leading: AbortSignal): Promise<void> => {
    await Promise.all(controllers.map((controller) => controller.run(leading)));
    // Who leads now tells.
    for (const kind of kinds) metrics.set('kaap_stale_objects', 0, { kind });
  };
  await Promise.all([reflectors.run(signal), elector.run(signal, lead)]);
  await health.close();
  kms.close();
  waits.close();
}

function kmsOf(config: z.infer<typeof schema>): KmsClientOptions {
  const { KAAP_ENDPOINT: endpoint, KAAP_REGION: region, KAAP_ACCOUNT_ID: account } = config;
  const caPem = readSettingFile('KAAP_CA_FILE', config.KAAP_CA_FILE);
  const credentials = oidcCredentials({
    endpoint,
    caPem,
    roleArn: `acs:ram::${account}:role/kaap-operator`,
    oidcProviderArn: `acs:ram::${account}:oidc-provider/${config.KAAP_OIDC_PROVIDER}`,
    tokenFile: config.KAAP_TOKEN_FILE,
    sessionName: config.POD_NAME.slice(0, 64),
  });
  return { endpoint, caPem, region, credentials };
}

exitOnFailure(main);
