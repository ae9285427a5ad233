/**
 * The program `kms` for installations without a node: it verifies service-account tokens with the API server that
 * `KAAP_REVIEW_SERVER`, `KAAP_REVIEW_TOKEN_FILE` and `KAAP_REVIEW_CA_FILE` name, instead of with its own pod's.
 */
import { readKmsConfig } from '../../src/cmd/kms-config.ts';
import { startKmsService } from '../../src/cmd/kms-service.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createLogger } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/lib/metrics.ts';
import { aborted, shutdownSignal } from '../../src/lib/signals.ts';
import { createKubernetesTokenReview } from '../../src/providers/kubernetes-token-review.ts';
import { createTokenReviewVerifier } from '../../src/sts/oidc/token-review-verifier.ts';

const { KAAP_REVIEW_SERVER = '', KAAP_REVIEW_TOKEN_FILE = '', KAAP_REVIEW_CA_FILE = '' } = process.env;
const config = readKmsConfig(process.env);
const log = createLogger({ name: 'kms', level: config.logLevel });
const { reviewToken } = createKubernetesTokenReview({
  server: KAAP_REVIEW_SERVER,
  tokenFile: KAAP_REVIEW_TOKEN_FILE,
  caFile: KAAP_REVIEW_CA_FILE,
});
const verifier = createTokenReviewVerifier({ provider: config.oidcProvider, reviewToken, clock: systemClock });
const signal = shutdownSignal();
const service = await startKmsService({
  config,
  verifiers: new Map([[verifier.provider, verifier]]),
  clock: systemClock,
  log,
  metrics: createMetrics(),
  createIfMissing: false,
});
log.info({ port: service.port }, 'kms serves');
await aborted(signal);
await service.close();
