import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KmsClient, staticCredentials } from '../src/client/kms-client.ts';
import { startDevelopmentServer } from '../test/interop/development-server.ts';
import { agentEnvironment, compileAgent } from '../tools/agent/runtime.ts';
import { agentConfigVariable, type AgentConfig } from '../webhook/agent/agent-config.ts';
import { residentOf } from './load/process-usage.ts';
import { setting } from './load/setting.ts';

/**
 * What an agent costs: time to its secrets and memory, each beside a bare Node process of the same run, and how long a new
 * version takes to the files of many pods: `node bench/agent.ts`. To reach: 150 ms to start, 20 MiB of private memory
 * while it refreshes (60 MiB resident), 1 MiB while it holds, 5 s for the last pod (p99).
 */

const pods = setting('BENCH_PODS', 1000);
const starts = setting('BENCH_STARTS', 15);
const checkout = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'kaap-bench-agent-'));
const agentProgram = compileAgent(checkout);
const server = await startDevelopmentServer();
const variable = (name: string): string => server.variables[name] ?? '';
const caPem = readFileSync(variable('KAAP_CA_FILE'), 'utf8');
const location = { endpoint: variable('KAAP_ENDPOINT'), caPem, region: 'local' };
const secretName = variable('KAAP_SECRET_NAME');

function configOf(name: string, refreshSeconds: number | undefined): AgentConfig {
  const home = join(folder, name);
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'password'), variable('KAAP_CLIENT_KEY_PASSWORD'));
  const clientKeyFile = variable('KAAP_CLIENT_KEY_FILE');
  return {
    version: 1,
    ...location,
    accountId: '1000000000000000',
    envFile: join(home, 'env', 'env'),
    readyFile: join(home, 'env', '.ready'),
    bindings: [
      {
        name: 'bench',
        accessPoint: 'dev',
        identity: { method: 'ClientKey', clientKeyFile, passwordFile: join(home, 'password') },
        sources: [{ name: 'db', secretName }],
        env: [],
        files: [{ path: join(home, 'files', 'db'), source: 'db', mode: '0440' }],
        ...(refreshSeconds === undefined ? {} : { refreshSeconds }),
      },
    ],
  };
}

/** Signs as the account's root. */
function rootClient(): KmsClient {
  const accessKeyId = variable('ALIBABA_CLOUD_ACCESS_KEY_ID');
  const accessKeySecret = variable('ALIBABA_CLOUD_ACCESS_KEY_SECRET');
  return new KmsClient({ ...location, credentials: staticCredentials({ accessKeyId, accessKeySecret }) });
}

function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

/** Resolves with the milliseconds until a file is there. */
async function untilThere(path: string, started: number): Promise<number> {
  while (!existsSync(path)) await sleep(1);
  return performance.now() - started;
}

async function startAgent(name: string, refreshSeconds?: number): Promise<{ child: ChildProcess; ms: number }> {
  const config = configOf(name, refreshSeconds);
  const started = performance.now();
  const child = spawn(agentProgram, {
    env: { ...agentEnvironment, [agentConfigVariable]: JSON.stringify(config) },
    stdio: 'ignore',
  });
  return { child, ms: await untilThere(config.readyFile, started) };
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

async function measureStart(): Promise<void> {
  const agents: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < starts; round++) {
    const { child, ms } = await startAgent(`start-${round}`);
    await end(child);
    agents.push(ms);
    const started = performance.now();
    spawnSync(process.execPath, ['-e', '0']);
    bare.push(performance.now() - started);
  }
  const [agent, node] = [percentile(agents, 0.5), percentile(bare, 0.5)];
  print(
    `start to secrets in place p50 ${agent.toFixed(0)} ms; node -e 0 ${node.toFixed(0)} ms; ${(agent / node).toFixed(1)} x`,
  );
}

function printMemory(what: string, pid = 0): void {
  const { residentMiB, privateMiB } = residentOf(pid);
  print(`memory ${what}: ${residentMiB.toFixed(2)} MiB resident, ${privateMiB.toFixed(2)} MiB private`);
}

async function measureMemory(): Promise<void> {
  const idle = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' });
  const { child: refreshing } = await startAgent('refreshing', 300);
  // As on a node with more than one such pod: what they share is in memory once.
  const { child: another } = await startAgent('another', 300);
  const holder = buildHolder();
  const holding = holder === undefined ? undefined : spawn(holder, ['hold'], { stdio: 'ignore' });
  await sleep(5000);
  printMemory('of a bare Node process', idle.pid);
  printMemory('of an agent that refreshes', refreshing.pid);
  if (holding !== undefined) printMemory('of an agent that only holds', holding.pid);
  for (const child of [idle, refreshing, another, ...(holding === undefined ? [] : [holding])]) await end(child);
}

function buildHolder(): string | undefined {
  const compiler = ['musl-gcc', 'gcc'].find((name) => spawnSync(name, ['--version']).status === 0);
  if (compiler === undefined) return undefined;
  const program = join(folder, 'kaap-exec');
  execFileSync(compiler, ['-Os', '-static', '-s', '-o', program, join(checkout, 'webhook/exec/kaap-exec.c')]);
  return program;
}

/** An agent for each pod, a process of its own as in pods, eleven MiB each. */
async function measureRotation(): Promise<void> {
  const files: string[] = [];
  const agents: ChildProcess[] = [];
  for (let index = 0; index < pods; index++) {
    const name = `pod-${index}`;
    agents.push((await startAgent(name, 300)).child);
    files.push(join(folder, name, 'files', 'db'));
  }
  await sleep(10_000);
  const times = await rotate(files);
  const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)];
  print(
    `a new version in ${times.length} of ${pods} pods: p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, last ${Math.max(...times).toFixed(0)} ms`,
  );
  const asked = await baseline();
  print(
    `baseline: ${pods} GetSecretValue one after another would take ${(asked * pods).toFixed(0)} ms (${asked.toFixed(1)} ms each)`,
  );
  await Promise.all(agents.map((agent) => end(agent)));
}

/** Puts a version and waits for it everywhere, 60 s at most. Gives milliseconds from the answer of the KMS, per pod. */
async function rotate(files: readonly string[]): Promise<number[]> {
  const client = rootClient();
  await client.putSecretValue({ SecretName: secretName, SecretData: 'rotated', VersionId: `v-${Date.now()}` });
  const started = performance.now();
  client.close();
  const times = new Map<string, number>();
  while (times.size < files.length && performance.now() - started < 60_000) {
    for (const file of files) {
      if (!times.has(file) && readFileSync(file, 'utf8') === 'rotated') times.set(file, performance.now() - started);
    }
    await sleep(20);
  }
  return [...times.values()];
}

async function baseline(): Promise<number> {
  const client = rootClient();
  await client.getSecretValue({ SecretName: secretName });
  const started = performance.now();
  for (let count = 0; count < 50; count++) await client.getSecretValue({ SecretName: secretName });
  client.close();
  return (performance.now() - started) / 50;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  await measureStart();
  await measureMemory();
  await measureRotation();
} finally {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
}
