import { Reflectors } from '../kube/reflectors.ts';
import { systemClock } from '../lib/clock.ts';
import { startHealthServer } from '../lib/health-server.ts';
import { createLogger } from '../lib/log.ts';
import { createMetrics } from '../lib/metrics.ts';
import { shutdownSignal } from '../lib/signals.ts';
import { nodePodType } from '../metadata/callers.ts';
import { connectToCluster } from './cluster-connection.ts';
import { exitOnFailure } from './exit.ts';
import { readMetadataConfig } from './metadata-config.ts';
import { startMetadataService } from './metadata-service.ts';

async function main(): Promise<void> {
  const config = readMetadataConfig(process.env);
  const log = createLogger({ name: 'metadata', level: config.logLevel });
  const signal = shutdownSignal();
  const metrics = createMetrics();
  const { api, transport } = await connectToCluster({ log });
  const reflectors = new Reflectors({ source: api, log });
  const pods = reflectors.store(nodePodType, { fieldSelector: `spec.nodeName=${config.nodeName}` });
  const service = await startMetadataService({ config, pods, transport, clock: systemClock, log, metrics });
  const health = await startHealthServer({
    address: config.metricsListen,
    metrics,
    notReady: () => (pods.hasSynced ? undefined : 'The first listing of the pods of the node is not complete.'),
  });
  log.info({ port: service.port, node: config.nodeName, role: config.roleName }, 'metadata serves');
  await reflectors.run(signal);
  await service.close();
  await health.close();
  transport.close();
}

exitOnFailure(main);
