import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../src/lib/clock.ts';
import { messageOf } from '../src/lib/errors.ts';
import type { Logger } from '../src/lib/log.ts';
import type { Metrics } from '../src/lib/metrics.ts';
import type { BindingDirectory } from './directory.ts';
import { plan, type Installation, type Plan } from './plan.ts';
import { answerReview, readReview, ReviewError, type ReviewRequest } from './review.ts';

/** Largest review, in bytes. The API server takes requests of 3 MiB; an object in etcd is at most 1.5 MiB. */
export const maxReviewBytes: number = 3 * 1024 * 1024;

export interface WebhookDependencies {
  directory: BindingDirectory;
  /** Asked at each review: the server's version changes with an upgrade of the cluster. */
  installation: () => Installation;
  metrics: Pick<Metrics, 'count' | 'observe'>;
  clock: Clock;
  log: Logger;
}

/**
 * Handles `POST /mutate`. Whatever goes wrong, a pod that asked for secrets does not pass without them: a fault of ours
 * is a denial with a message, and what is no review is answered with 400, which failurePolicy Fail turns into one.
 */
export function createWebhookHandler(
  dependencies: WebhookDependencies,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    void handle(request, response, dependencies).catch((error: unknown) => {
      dependencies.log.error({ error: messageOf(error) }, 'a review failed');
      if (!response.headersSent) answer(response, 500, { message: 'The review failed.' });
    });
  };
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  dependencies: WebhookDependencies,
): Promise<void> {
  const [path] = (request.url ?? '').split('?');
  if (path !== '/mutate') return answer(response, 404, { message: 'Not here. Reviews go to /mutate.' });
  if (request.method !== 'POST') return answer(response, 405, { message: 'Only POST.' });
  const body = await readBody(request);
  if (body === undefined) return refuseLarge(request, response);
  const started = dependencies.clock.monotonic();
  try {
    answer(response, 200, review(readReview(body), dependencies));
  } catch (error) {
    if (!(error instanceof ReviewError)) throw error;
    dependencies.metrics.count('kaap_admission_total', { result: 'malformed' });
    answer(response, 400, { message: error.message });
  }
  dependencies.metrics.observe('kaap_admission_duration_seconds', (dependencies.clock.monotonic() - started) / 1000);
}

function review(request: ReviewRequest, dependencies: WebhookDependencies): object {
  const { metrics, log } = dependencies;
  if (!request.concernsUs) {
    metrics.count('kaap_admission_total', { result: 'passed' });
    return answerReview(request.uid, { allowed: true, patch: [], warnings: [] });
  }
  const { decision, code } = decide(request, dependencies);
  const { name, generateName } = request.pod.metadata ?? {};
  const subject = { namespace: request.namespace, pod: name ?? generateName, dryRun: request.dryRun };
  metrics.count('kaap_admission_total', { result: decision.allowed ? 'injected' : 'refused' });
  if (decision.allowed) log.debug({ ...subject, operations: decision.patch.length }, 'injected');
  else log.info({ ...subject, reason: decision.message }, 'refused');
  return answerReview(request.uid, decision, code);
}

/** The same for a dry run: nothing here has side effects. */
function decide(
  { pod, namespace }: ReviewRequest,
  { directory, installation, log }: WebhookDependencies,
): { decision: Plan; code: number } {
  if (!directory.hasSynced()) {
    const message =
      'The webhook has just started and does not know all SecretBindings yet. Try again in a few seconds.';
    return { decision: { allowed: false, message }, code: 503 };
  }
  try {
    const context = { namespace, bindings: directory.bindingsIn(namespace), accessPoints: directory.accessPoints };
    return { decision: plan(pod, context, installation()), code: 403 };
  } catch (error) {
    log.error({ namespace, error: messageOf(error) }, 'planning failed');
    const message = 'The webhook could not plan the injection of this pod. Its log says why.';
    return { decision: { allowed: false, message }, code: 500 };
  }
}

/** How long the rest of a body that is too large is thrown away, in milliseconds. */
const lingerMs = 1000;

/**
 * Answers 413, and closes a moment later: a connection that is closed while its client still sends is reset, and the client may
 * never see the answer (RFC 9112, section 9.6).
 */
function refuseLarge(request: IncomingMessage, response: ServerResponse): void {
  const body = Buffer.from(JSON.stringify({ message: `A review is at most ${maxReviewBytes} bytes.` }));
  const headers = { 'content-type': 'application/json', 'content-length': body.length, connection: 'close' };
  response.writeHead(413, headers).write(body);
  const end = (): void => {
    clearTimeout(timer);
    response.end();
    request.destroy();
  };
  const timer = setTimeout(end, lingerMs);
  request.once('end', end).once('close', end).resume();
}

/** Reads at most {@link maxReviewBytes}; `undefined` when there is more. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > maxReviewBytes) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxReviewBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
