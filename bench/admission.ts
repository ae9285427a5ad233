import { createServer, request as httpRequest, Agent, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../src/lib/clock.ts';
import { silentLogger } from '../src/lib/log.ts';
import { createMetrics } from '../src/lib/metrics.ts';
import { aBinding, aContext, aPod, installation } from '../test/webhook/support/fixtures.ts';
import { createWebhookHandler } from '../webhook/server.ts';

/**
 * Latency of admission at a steady rate, beside a handler that only reads the body and parses it, in the same process and
 * run: `node bench/admission.ts`. To reach: p99 of 5 ms at 200 pods a second, with 1,000 bindings in the namespace.
 */

const rate = Number(process.env['BENCH_RATE'] ?? 200);
const seconds = Number(process.env['BENCH_SECONDS'] ?? 8);
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

const webhook = createWebhookHandler({
  directory: { bindingsIn: () => bindings, accessPoints: aContext().accessPoints, hasSynced: () => true },
  installation: () => installation,
  metrics: createMetrics(),
  clock: systemClock,
  log: silentLogger,
});

const bare: RequestListener = (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    JSON.parse(Buffer.concat(chunks).toString());
    response.end('{}');
  });
};

function ask(port: number, agent: Agent): Promise<{ ms: number; body: string }> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port, host: '127.0.0.1', path: '/mutate', method: 'POST', agent }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ ms: performance.now() - started, body }));
    });
    request.on('error', reject);
    request.end(review);
  });
}

async function measure(handler: RequestListener, isRight: (body: string) => boolean): Promise<number[]> {
  const server: Server = createServer(handler).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true });
  for (let count = 0; count < 200; count++) await ask(port, agent);
  const started = performance.now();
  const asked: Promise<{ ms: number; body: string }>[] = [];
  while (asked.length < rate * seconds) {
    const due = started + (asked.length * 1000) / rate;
    if (due > performance.now()) await sleep(due - performance.now());
    asked.push(ask(port, agent));
  }
  const answers = await Promise.all(asked);
  agent.destroy();
  server.close();
  if (!answers.every(({ body }) => isRight(body))) throw new Error('an answer was not what it should be');
  return answers.map(({ ms }) => ms).toSorted((a, b) => a - b);
}

const part = (sorted: readonly number[], of: number): number => sorted[Math.floor(sorted.length * of)] ?? Number.NaN;

for (const [name, handler, isRight] of [
  ['reads and parses only', bare, (body: string) => body === '{}'],
  ['webhook', webhook, (body: string) => body.includes('"patchType":"JSONPatch"')],
] as const) {
  const times = await measure(handler, isRight);
  const [p50, p99] = [part(times, 0.5).toFixed(2), part(times, 0.99).toFixed(2)];
  process.stdout.write(
    `${name}: p50 ${p50} ms, p99 ${p99} ms at ${rate} pods/s, ${Math.round(review.length / 1024)} KiB each\n`,
  );
}
