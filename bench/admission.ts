import { createServer, request as httpRequest, Agent, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { silentLogger } from '../src/lib/log.ts';
import { aBinding, aContext, aPod, installation } from '../test/webhook/support/fixtures.ts';
import { createWebhookHandler } from '../webhook/server.ts';
import { setting } from './load/setting.ts';

/**
 * Admission at a steady rate with 1,000 bindings in the namespace: `node bench/admission.ts`. To reach: p99 of 5 ms at
 * 200 pods a second, server side. The times are the webhook's own, from the review that is read to the answer that is
 * written, as its histogram has them; beside it stands a handler that reads and parses and nothing else, timed in the
 * same places. The load comes from a thread of its own, whose waiting is in neither. Whoever shares the processors is in
 * the times of both, and not in the processor time of the same spans.
 */

const rate = setting('BENCH_RATE', 200);
const seconds = setting('BENCH_SECONDS', 8);
const bindings = Array.from({ length: 1000 }, (_, index) =>
  aBinding({ podSelector: { matchLabels: { app: index === 500 ? 'web' : `other-${index}` } } }, `binding-${index}`),
);

const review = JSON.stringify({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: 'bench',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    namespace: 'shop',
    operation: 'CREATE',
    object: aPod({
      containers: Array.from({ length: 5 }, (_, index) => ({
        name: `c${index}`,
        image: 'example/app:1',
        env: Array.from({ length: 40 }, (__, at) => ({ name: `V${at}`, value: 'x'.repeat(60) })),
      })),
    }),
  },
});

/** Milliseconds of reviews: as they pass, and of this thread's processor time alone. */
interface Times {
  passed: number[];
  processor: number[];
}

interface Subject {
  name: string;
  handler: RequestListener;
  isRight: (body: string) => boolean;
  times: Times;
}

function processorMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Begins a span. Gives what ends it; nothing waits in between, so that no two spans overlap. */
function span({ passed, processor }: Times): () => void {
  const [started, used] = [performance.now(), processorMs()];
  return () => {
    passed.push(performance.now() - started);
    processor.push(processorMs() - used);
  };
}

/** The clock that the webhook asks at the beginning of a review begins a span, its histogram ends it. */
function webhook(): Subject {
  const times: Times = { passed: [], processor: [] };
  let end = span(times);
  let isOpen = false;
  const monotonic = (): number => {
    if (!isOpen) end = span(times);
    isOpen = !isOpen;
    return performance.now();
  };
  const handler = createWebhookHandler({
    directory: { bindingsIn: () => bindings, accessPoints: aContext().accessPoints, hasSynced: () => true },
    installation: () => installation,
    metrics: { count: () => undefined, observe: () => end() },
    clock: { now: () => Date.now(), monotonic },
    log: silentLogger,
  });
  return { name: 'webhook', handler, times, isRight: (body) => body.includes('"patchType":"JSONPatch"') };
}

function bare(): Subject {
  const times: Times = { passed: [], processor: [] };
  const handler: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const end = span(times);
      JSON.parse(Buffer.concat(chunks).toString());
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      end();
    });
  };
  return { name: 'reads and parses only', handler, times, isRight: (body) => body === '{}' };
}

function ask(port: number, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port, host: '127.0.0.1', path: '/mutate', method: 'POST', agent }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve(body));
    });
    request.on('error', reject);
    request.end(review);
  });
}

/** Asks `count` times at the rate, and gives the answers. */
async function load({ port, count }: { port: number; count: number }): Promise<string[]> {
  const agent = new Agent({ keepAlive: true });
  const started = performance.now();
  const asked: Promise<string>[] = [];
  while (asked.length < count) {
    const due = started + (asked.length * 1000) / rate;
    await sleep(Math.max(0, due - performance.now()));
    asked.push(ask(port, agent));
  }
  const answers = await Promise.all(asked);
  agent.destroy();
  return answers;
}

function loadFromThread(port: number, count: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { port, count } });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

async function measure({ name, handler, isRight, times }: Subject): Promise<void> {
  const server: Server = createServer(handler).listen(0, '127.0.0.1');
  // Longer than the run: a connection closed for its rest while a request is on its way would fail the run.
  server.keepAliveTimeout = 600_000;
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await loadFromThread(port, 2 * rate);
  for (const each of [times.passed, times.processor]) each.length = 0;
  const answers = await loadFromThread(port, rate * seconds);
  server.close();
  if (!answers.every(isRight)) throw new Error('an answer was not what it should be');
  const size = Math.round(review.length / 1024);
  process.stdout.write(`${name} (${rate} pods/s, ${size} KiB each)\n`);
  process.stdout.write(`  server side: ${figures(times.passed)}; processor time of it: ${figures(times.processor)}\n`);
}

function figures(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const part = (of: number): string => (sorted[Math.floor(sorted.length * of)] ?? Number.NaN).toFixed(2);
  return `p50 ${part(0.5)} ms, p99 ${part(0.99)} ms`;
}

if (isMainThread) {
  for (const subject of [bare(), webhook()]) await measure(subject);
} else {
  parentPort?.postMessage(await load(workerData as { port: number; count: number }));
}
