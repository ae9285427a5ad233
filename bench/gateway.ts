import { createCipheriv, createSecretKey, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { startHttpServer, type HttpServer } from '../src/lib/http-server.ts';
import { startTestServer } from '../test/support/kms-server.ts';
import { testAuthority } from '../test/support/tls.ts';
import { runLoad, type Load, type LoadResult } from './load/presigned-load.ts';

/**
 * Encrypt and GetSecretValue through the gateway (signed, authorized, audited, HTTPS keep-alive), beside a bare handler
 * that does the same AES-256-GCM on the same TLS server. The load comes from a worker thread that signed its
 * requests before the clock starts, the same for all three, so what counts is the ratio: `node bench/gateway.ts`.
 */

const seconds = Number(process.env['BENCH_SECONDS'] ?? 5);
const connections = Number(process.env['BENCH_CONNECTIONS'] ?? 64);

function measure(load: Omit<Load, 'connections' | 'seconds'>): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { ...load, connections, seconds } });
    worker.once('message', (result: LoadResult) => resolve(result));
    worker.once('error', reject);
  });
}

/** What any KMS has to do at least. */
function bareHandler(): (request: IncomingMessage, response: ServerResponse) => void {
  const key = createSecretKey(randomBytes(32));
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const plaintext = new URLSearchParams(Buffer.concat(chunks).toString()).get('Plaintext') ?? '';
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, iv);
      const sealed = Buffer.concat([iv, cipher.update(plaintext, 'base64'), cipher.final(), cipher.getAuthTag()]);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ CiphertextBlob: sealed.toString('base64') }));
    });
  };
}

async function startBareServer(): Promise<{ server: HttpServer; endpoint: string; caPem: string }> {
  const authority = testAuthority();
  const address = { host: '127.0.0.1', port: 0 };
  const server = await startHttpServer({ address, certificate: authority.issue(), handler: bareHandler() });
  return { server, endpoint: `https://localhost:${server.port}`, caPem: authority.caPem };
}

async function main(): Promise<void> {
  const bare = await startBareServer();
  const kms = await startTestServer();
  const { KeyMetadata } = await kms.client.createKey({});
  await kms.client.createSecret({ SecretName: 'bench', SecretData: 'x'.repeat(64), VersionId: 'v1' });
  const { AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret } = kms.root;
  const signer = { accessKeyId, accessKeySecret };
  const service = { endpoint: kms.endpoint, caPem: kms.caPem };
  const sealing = {
    ...signer,
    action: 'Encrypt',
    parameters: { KeyId: KeyMetadata.KeyId, Plaintext: randomBytes(32).toString('base64'), EncryptionContext: '{}' },
  };
  const reading = { ...signer, action: 'GetSecretValue', parameters: { SecretName: 'bench' } };
  const baseline = await measure({ endpoint: bare.endpoint, caPem: bare.caPem, ...sealing });
  const figures = [
    ['bare handler, AES-GCM', baseline],
    ['Encrypt', await measure({ ...service, ...sealing })],
    ['GetSecretValue', await measure({ ...service, ...reading })],
  ] as const;
  for (const [name, { perSecond, p50, p99, failures }] of figures) {
    const ratio = (perSecond / baseline.perSecond).toFixed(2);
    const times = `p50 ${p50.toFixed(1)} ms  p99 ${p99.toFixed(1)} ms`;
    process.stdout.write(
      `${name.padEnd(24)} ${perSecond.toFixed(0).padStart(8)}/s  ${ratio} × bare  ${times}  ${failures} failed\n`,
    );
  }
  await kms.close();
  await bare.server.close(100);
}

if (isMainThread) await main();
else parentPort?.postMessage(await runLoad(workerData as Load));
