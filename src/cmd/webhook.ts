import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { Reflectors } from '../kube/reflectors.ts';
import { systemSleep } from '../kube/sleep.ts';
import type { KubeTransport } from '../kube/transport.ts';
import { systemClock } from '../lib/clock.ts';
import { parseListenAddress, readConfig, readSettingFile } from '../lib/config.ts';
import { messageOf } from '../lib/errors.ts';
import { startHealthServer } from '../lib/health-server.ts';
import { startHttpServer, type HttpServer, type ServingCertificate } from '../lib/http-server.ts';
import { createLogger, type Logger } from '../lib/log.ts';
import { createMetrics } from '../lib/metrics.ts';
import { shutdownSignal } from '../lib/signals.ts';
import { clusterDirectory } from '../../webhook/cluster-directory.ts';
import { MountedCert } from '../../webhook/mounted-cert.ts';
import type { Installation } from '../../webhook/plan.ts';
import { createWebhookHandler } from '../../webhook/server.ts';
import { ServingCert, type ServingCertOptions } from '../../webhook/serving-cert.ts';
import { agentResources, agentResourceVariables } from './agent-resources.ts';
import { connectToCluster } from './cluster-connection.ts';
import { exitOnFailure } from './exit.ts';
import { installationVariables } from './installation.ts';

const schema = z.object({
  ...installationVariables,
  KAAP_LISTEN: z.string().default(':8443'),
  KAAP_METRICS_LISTEN: z.string().default(':9090'),
  KAAP_ENDPOINT: z.url({
    error: 'write the address of the KMS as pods reach it, such as https://kaap-kms.kaap-system.svc',
  }),
  KAAP_CA_FILE: z.string({ error: 'name the file with the certificate authority of the KMS' }),
  KAAP_AGENT_IMAGE: z.string({ error: 'name the image of the agent' }),
  KAAP_AGENT_IMAGE_PULL_POLICY: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent'),
  ...agentResourceVariables,
  KAAP_OIDC_PROVIDER: z.string().default('kubernetes'),
  KAAP_WEBHOOK_CONFIGURATION: z.string().default('kaap'),
  KAAP_WEBHOOK_SERVICE: z.string({ error: 'name the service, such as kaap-webhook.kaap-system.svc' }),
  KAAP_WEBHOOK_CERT_SECRET: z.string().default('kaap-webhook-cert'),
  KAAP_WEBHOOK_CERT_FOLDER: z.string().default(''),
  POD_NAMESPACE: z.string({ error: 'name the namespace of this pod' }),
});

type Config = z.infer<typeof schema>;

/** How often to look for an upgraded API server and a new trust file, in milliseconds. */
const surroundingsMs = 60_000;

/** After it was told to end, in milliseconds: API servers need a moment to hear of it, and lose no request meanwhile. */
const lingerMs = 5_000;

async function main(): Promise<void> {
  const config = readConfig(schema, process.env);
  const log = createLogger({ name: 'webhook', level: config.KAAP_LOG_LEVEL });
  const signal = shutdownSignal();
  const metrics = createMetrics();
  const { api, transport } = await connectToCluster({ log });
  const reflectors = new Reflectors({ source: api, log });
  const directory = clusterDirectory(reflectors);
  const surroundings = await followInstallation(config, transport, log, signal);
  const handler = createWebhookHandler({
    directory,
    installation: surroundings.installation,
    metrics,
    clock: systemClock,
    log,
  });
  const listener = createListener(config, handler);
  const certificate = certificateOf(config, { api, log, onCertificate: listener.use });
  const notReady = (): string | undefined => {
    if (!directory.hasSynced()) return 'The first listing of SecretBindings and access points is not complete.';
    return certificate.isTrusted ? undefined : 'API servers have not been told to trust the serving certificate yet.';
  };
  const health = await startHealthServer({
    address: parseListenAddress(config.KAAP_METRICS_LISTEN),
    metrics,
    notReady,
  });
  await Promise.all([reflectors.run(signal), certificate.run(signal), surroundings.done]);
  await listener.close();
  await health.close();
  transport.close();
}

interface Listener {
  /** Serves with a certificate: listens with the first, changes to those that follow. */
  use: (certificate: ServingCertificate) => void;
  close: () => Promise<void>;
}

function createListener(config: Config, handler: ReturnType<typeof createWebhookHandler>): Listener {
  const address = parseListenAddress(config.KAAP_LISTEN);
  let server: Promise<HttpServer> | undefined;
  return {
    use: (certificate) => {
      if (server === undefined) server = startHttpServer({ address, certificate, handler, maxHeaderBytes: 16 * 1024 });
      else void server.then((running) => running.reloadCertificate(certificate));
    },
    close: async () => {
      await (await server)?.drain(lingerMs);
      await (await server)?.close();
    },
  };
}

/** From a folder that somebody else keeps, where one is named; made and kept by the webhook itself otherwise. */
function certificateOf(
  config: Config,
  common: Pick<ServingCertOptions, 'api' | 'log' | 'onCertificate'>,
): MountedCert | ServingCert {
  const { KAAP_WEBHOOK_CERT_FOLDER: folder, KAAP_WEBHOOK_CONFIGURATION: configurationName } = config;
  if (folder === '') return new ServingCert({ ...certOptions(config), ...common });
  return new MountedCert({ folder, configurationName, sleep: systemSleep, ...common });
}

function certOptions(config: Config): Omit<ServingCertOptions, 'api' | 'log' | 'onCertificate'> {
  const name = config.KAAP_WEBHOOK_SERVICE;
  const service = name.includes('.') ? name : `${name}.${config.POD_NAMESPACE}.svc`;
  return {
    namespace: config.POD_NAMESPACE,
    secretName: config.KAAP_WEBHOOK_CERT_SECRET,
    configurationName: config.KAAP_WEBHOOK_CONFIGURATION,
    dnsNames: [service, `${service}.cluster.local`],
    clock: systemClock,
    sleep: systemSleep,
    random: randomBytes,
  };
}

interface Surroundings {
  installation: () => Installation;
  /** Resolves when the signal has fired. */
  done: Promise<void>;
}

/** What pods are given, kept up to date with the server's version and the trust file of the KMS. */
async function followInstallation(
  config: Config,
  transport: KubeTransport,
  log: Logger,
  signal: AbortSignal,
): Promise<Surroundings> {
  const read = async (): Promise<Installation> => ({
    endpoint: config.KAAP_ENDPOINT,
    caPem: readSettingFile('KAAP_CA_FILE', config.KAAP_CA_FILE),
    region: config.KAAP_REGION,
    accountId: config.KAAP_ACCOUNT_ID,
    oidcProvider: config.KAAP_OIDC_PROVIDER,
    agentImage: config.KAAP_AGENT_IMAGE,
    agentImagePullPolicy: config.KAAP_AGENT_IMAGE_PULL_POLICY,
    agentResources: agentResources(config),
    serverVersion: await transport.serverVersion({ signal }),
  });
  let installation = await read();
  const follow = async (): Promise<void> => {
    while (!signal.aborted) {
      await systemSleep(surroundingsMs, signal).catch(() => undefined);
      try {
        if (!signal.aborted) installation = await read();
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'the version of the server or the trust file could not be read');
      }
    }
  };
  return { installation: () => installation, done: follow() };
}

exitOnFailure(main);
