import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { RootCredential } from '../../src/cli/connection.ts';
import { startHttpServer } from '../../src/lib/http-server.ts';
import { startTestServer } from '../../test/support/kms-server.ts';
import { testAuthority } from '../../test/support/tls.ts';
import { bareHandler } from './bare-handler.ts';
import type { ServerFacts, ServerUsage } from './server-process.ts';

/** One server under measurement, in a process of its own: `bare`, or `kms` with more of its environment as JSON. */
const [, , kind = 'bare', environment = '{}', dataDir = '', rootText = 'null', watchLoop = 'false'] = process.argv;

const loop = monitorEventLoopDelay({ resolution: 1 });
if (watchLoop === 'true') loop.enable();

async function startBare(): Promise<ServerFacts> {
  const authority = testAuthority();
  const address = { host: '127.0.0.1', port: 0 };
  const server = await startHttpServer({ address, certificate: authority.issue(), handler: bareHandler() });
  return {
    endpoint: `https://localhost:${server.port}`,
    caPem: authority.caPem,
    accessKeyId: 'KAK000000000000000000000000',
    accessKeySecret: 'nobody asks for it',
    startMs: 0,
  };
}

async function startKms(): Promise<ServerFacts> {
  const began = performance.now();
  const root = JSON.parse(rootText) as RootCredential | null;
  const server = await startTestServer({
    environment: JSON.parse(environment) as Record<string, string>,
    ...(dataDir !== '' && { dataDir }),
    ...(root !== null && { root }),
  });
  const startMs = performance.now() - began;
  process.once('disconnect', () => void server.close().finally(() => process.exit()));
  const { AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret } = server.root;
  return { endpoint: server.endpoint, caPem: server.caPem, accessKeyId, accessKeySecret, startMs };
}

function usage(): ServerUsage {
  const { user, system } = process.cpuUsage();
  const loopP99Ms = watchLoop === 'true' ? loop.percentile(99) / 1e6 : 0;
  loop.reset();
  return { cpuMs: (user + system) / 1000, rssMiB: process.memoryUsage.rss() / 2 ** 20, loopP99Ms };
}

process.on('message', () => process.send?.(usage()));
if (kind === 'bare') process.once('disconnect', () => process.exit());
process.send?.(kind === 'bare' ? await startBare() : await startKms());
