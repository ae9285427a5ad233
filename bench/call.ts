import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { bareHandler } from './load/bare-handler.ts';
import { assumePodRole, createUser, rootOf, startBelievingServer } from './load/callers.ts';
import { callDirectly, type DirectLoad } from './load/direct-call.ts';
import { median } from './load/measured-window.ts';
import { setting } from './load/setting.ts';

/**
 * Processor time of a call from the parsed request to the answer, signature, decision and durable audit record included,
 * TLS and HTTP left out, beside the bare handler of `bench/gateway.ts`: what a machine that does other things, too, can tell.
 * 64 calls at a time in this process, all in turn in rounds: `node bench/call.ts`. Set TMPDIR to a folder in memory.
 */

const rounds = setting('BENCH_ROUNDS', 12);
const calls = setting('BENCH_CALLS', 6400);
/** Names of the subjects to measure, with semicolons between them; all unless given. */
const only = process.env['BENCH_ONLY']?.split(';');

type Serve = DirectLoad['serve'];

/** The way in of the HTTPS server that answers `call`, to be given requests without a connection. */
async function wayIn(call: () => Promise<unknown>): Promise<Serve> {
  const channel = 'http.server.request.start';
  const { promise, resolve } = Promise.withResolvers<Server>();
  const found = (message: unknown): void => resolve((message as { server: Server }).server);
  subscribe(channel, found);
  const [server] = await Promise.all([promise, call()]);
  unsubscribe(channel, found);
  return (request, response) => void server.emit('request', request, response);
}

function bareWay(): Serve {
  const server = createServer(bareHandler());
  return (request, response) => void server.emit('request', request, response);
}

async function main(): Promise<void> {
  const kms = await startBelievingServer();
  const { client, host } = kms;
  const { KeyMetadata } = await client.createKey({});
  await client.createSecret({ SecretName: 'bench', SecretData: 'x'.repeat(64), VersionId: 'v1' });
  const sealing = { KeyId: KeyMetadata.KeyId, Plaintext: randomBytes(32).toString('base64'), EncryptionContext: '{}' };
  const { CiphertextBlob } = (await client.call('Kms', 'Encrypt', sealing)) as { CiphertextBlob: string };
  const serve = await wayIn(() => client.call('Kms', 'DescribeRegions', {}));
  const root = { serve, host, calls, caller: rootOf(kms) };
  const user = { ...root, caller: await createUser(kms) };
  const pod = { ...root, caller: await assumePodRole(kms) };
  const encrypt = { action: 'Encrypt', parameters: sealing };
  const decrypt = { action: 'Decrypt', parameters: { CiphertextBlob, EncryptionContext: '{}' } };
  const read = { action: 'GetSecretValue', parameters: { SecretName: 'bench' } };
  const loads: [string, DirectLoad][] = [
    ['bare', { ...root, ...encrypt, serve: bareWay() }],
    ['Encrypt', { ...root, ...encrypt }],
    ['Decrypt', { ...root, ...decrypt }],
    ['GetSecretValue', { ...root, ...read }],
    ['Encrypt, user', { ...user, ...encrypt }],
    ['GetSecretValue, user', { ...user, ...read }],
    ['Encrypt, pod', { ...pod, ...encrypt }],
    ['GetSecretValue, pod', { ...pod, ...read }],
  ];
  const measured = loads.filter(([name]) => only?.includes(name) ?? true);
  const costs = new Map<string, number[]>(measured.map(([name]) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, load] of measured) {
      const cpuMicros = await callDirectly(load);
      // The first round only warms up.
      if (round > 0) costs.get(name)?.push(cpuMicros);
    }
  }
  for (const [name, all] of costs) {
    const [least, middle] = [Math.min(...all), median(all)].map((micros) => micros.toFixed(1).padStart(6));
    process.stdout.write(`${name.padEnd(22)} least ${least} µs  median ${middle} µs of processor time\n`);
  }
  await kms.close();
}

await main();
