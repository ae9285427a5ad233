import { systemClock } from '../lib/clock.ts';
import { startHealthServer } from '../lib/health-server.ts';
import { createLogger } from '../lib/log.ts';
import { createMetrics } from '../lib/metrics.ts';
import { aborted, shutdownSignal } from '../lib/signals.ts';
import type { TokenVerifier } from '../ports/identity.ts';
import { createKubernetesTokenReview, inClusterTokenReview } from '../providers/kubernetes-token-review.ts';
import { createTokenReviewVerifier } from '../sts/oidc/token-review-verifier.ts';
import { exitOnFailure } from './exit.ts';
import { readKmsConfig, type KmsConfig } from './kms-config.ts';
import { startKmsService } from './kms-service.ts';

async function main(): Promise<void> {
  const config = readKmsConfig(process.env);
  const log = createLogger({ name: 'kms', level: config.logLevel });
  const signal = shutdownSignal();
  const metrics = createMetrics();
  const service = await startKmsService({
    config,
    verifiers: verifiersOf(config),
    clock: systemClock,
    log,
    metrics,
    createIfMissing: false,
  });
  const health = await startHealthServer({
    address: config.metricsListen,
    metrics,
    notReady: () => service.notReady(),
    beforeMetrics: () => service.updateGauges(),
  });
  log.info({ port: service.port, region: config.region, accountId: config.accountId }, 'kms serves');
  await aborted(signal);
  log.info({ lingerSeconds: config.lingerSeconds }, 'kms stops');
  await service.drain(config.lingerSeconds * 1000);
  await service.close();
  await health.close();
}

function verifiersOf(config: KmsConfig): ReadonlyMap<string, TokenVerifier> {
  if (!config.tokenReview) return new Map();
  const { reviewToken } = createKubernetesTokenReview(inClusterTokenReview);
  const verifier = createTokenReviewVerifier({ provider: config.oidcProvider, reviewToken, clock: systemClock });
  return new Map([[verifier.provider, verifier]]);
}

exitOnFailure(main);
