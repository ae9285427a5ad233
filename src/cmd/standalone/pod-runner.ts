import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { agentConfigVariable, parseAgentConfig, type AgentConfig } from '../../../webhook/agent/agent-config.ts';
import { kmsReaders } from '../../../webhook/agent/kms-reader.ts';
import { runAgent } from '../../../webhook/agent/run-agent.ts';
import type { AgentLog } from '../../../webhook/agent/source-value.ts';
import { agentName, agentPaths, clientKeyFileName, execPlaces, volumeNames } from '../../../webhook/layout.ts';
import { unwrapped } from '../../../webhook/mutate/wrapper.ts';
import type { Container, Pod } from '../../../webhook/pod.ts';
import type { ClusterApi } from '../../kube/cluster-api.ts';
import type { KubeObject, ResourceType } from '../../kube/resource.ts';
import { readEnvFile } from './env-file-reader.ts';
import type { TokenIssuer } from './token-issuer.ts';

export interface PodRunOptions {
  /** After injection. */
  pod: Pod;
  /** Stands for the pod's file system: volumes become folders of it. */
  rootDir: string;
  issuer: TokenIssuer;
  /** Where Secrets with client keys are. */
  cluster: Pick<ClusterApi, 'get'>;
  log: AgentLog;
  signal: AbortSignal;
  /** Overrides the bindings' refresh intervals, in seconds. */
  refreshSeconds?: number;
  /** Gets what the container prints. */
  onOutput: (container: string, line: string) => void;
}

/** A pod that runs as processes of this machine. */
export interface RunningPod {
  /** Folder of the container's first file mount, when it has one. */
  mountDir: string | undefined;
  /** Resolves with the exit code of the first container. */
  ended: Promise<number>;
  /** Ends the agent and the containers. */
  stop(): Promise<void>;
}

interface SecretObject extends KubeObject {
  data?: Record<string, string>;
}

const secretType: ResourceType<SecretObject> = {
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  namespaced: true,
};

/**
 * Runs a pod's containers as local processes, with what the agent delivers: the same agent code, the same tokens, files
 * and variables as on a node. Containers are not isolated, and their images are not used: the command is run as it is,
 * with paths of mounts replaced by folders below `rootDir`.
 */
export async function runPod(options: PodRunOptions): Promise<RunningPod> {
  const { pod, rootDir, log } = options;
  const config = localise(agentConfigOf(pod), options);
  await Promise.all([...directoriesOf(config)].map((folder) => mkdir(folder, { recursive: true, mode: 0o700 })));
  await writeTokens(options);
  await writeClientKeys(options);
  const stopping = new AbortController();
  const signal = AbortSignal.any([options.signal, stopping.signal]);
  let onReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    onReady = resolve;
  });
  const agent = runAgent(config, { signal, log, readers: kmsReaders(config), onReady });
  await Promise.race([ready, agent]);
  const variables = readEnvFile(await readFile(config.envFile, 'utf8').catch(() => ''));
  const children = pod.spec.containers.map((container) => start(container, variables, options));
  const ended = children.map((child) => exitOf(child));
  return {
    mountDir: mountsOf(pod.spec.containers[0], rootDir)[0]?.local,
    ended: ended[0] ?? Promise.resolve(0),
    stop: async () => {
      for (const child of children) child.kill('SIGTERM');
      await Promise.all(ended);
      stopping.abort();
      await agent;
    },
  };
}

function agentConfigOf(pod: Pod): AgentConfig {
  const agent = pod.spec.initContainers?.find(({ name }) => name === agentName);
  const text = agent?.env?.find(({ name }) => name === agentConfigVariable)?.value;
  if (text === undefined) throw new Error('The pod is not injected: it has no kaap-agent container.');
  return parseAgentConfig(text);
}

/** The agent's paths begin with /kaap; here that is a folder of the pod's root. */
function localise(config: AgentConfig, { rootDir, refreshSeconds }: PodRunOptions): AgentConfig {
  const { execProgram: _, ...portable } = config;
  const place = (value: unknown): unknown =>
    typeof value === 'string' && value.startsWith('/') ? join(rootDir, value) : value;
  const moved = JSON.parse(JSON.stringify(portable), (key, value: unknown) => {
    if (key === 'environs') return (value as unknown[]).map(place);
    return pathFields.has(key) ? place(value) : value;
  }) as AgentConfig;
  if (refreshSeconds === undefined) return moved;
  const bindings = moved.bindings.map((binding) =>
    binding.refreshSeconds === undefined ? binding : { ...binding, refreshSeconds },
  );
  return { ...moved, bindings };
}

const pathFields: ReadonlySet<string> = new Set([
  'envFile',
  'readyFile',
  'path',
  'tokenFile',
  'clientKeyFile',
  'passwordFile',
]);

function* directoriesOf(config: AgentConfig): Generator<string> {
  yield dirname(config.envFile);
  yield dirname(config.readyFile);
  for (const { files, env } of config.bindings) {
    for (const { path } of files) yield dirname(path);
    for (const { environs = [] } of env) yield* environs.map((path) => dirname(path));
  }
}

/** What the kubelet does for the projected volume `kaap-token`. */
async function writeTokens({ pod, rootDir, issuer }: PodRunOptions): Promise<void> {
  const { namespace = 'default', name = 'pod' } = pod.metadata ?? {};
  const serviceAccount = pod.spec.serviceAccountName ?? 'default';
  for (const { serviceAccountToken: source } of projectedSources(pod, volumeNames.token)) {
    if (source === undefined) continue;
    const { audience, path, expirationSeconds: lifetimeSeconds } = source;
    const token = await issuer.issue({ namespace, serviceAccount, audience, podName: name, lifetimeSeconds });
    await writePrivate(join(rootDir, agentPaths.token, path), token);
  }
}

/** What the kubelet does for the projected volume `kaap-client-key`. */
async function writeClientKeys({ pod, rootDir, cluster, signal }: PodRunOptions): Promise<void> {
  for (const { secret } of projectedSources(pod, volumeNames.clientKey)) {
    if (secret === undefined) continue;
    const ref = { namespace: pod.metadata?.namespace ?? 'default', name: secret.name };
    const object = await cluster.get(secretType, ref, { signal });
    const file = object?.data?.[clientKeyFileName];
    if (file === undefined) throw new Error(`The Secret ${ref.namespace}/${ref.name} with the client key is missing.`);
    for (const { path } of secret.items ?? []) {
      await writePrivate(join(rootDir, agentPaths.clientKey, path), Buffer.from(file, 'base64'));
    }
  }
}

function projectedSources(pod: Pod, volume: string): ProjectedSources {
  return pod.spec.volumes?.find(({ name }) => name === volume)?.projected?.sources ?? [];
}

type ProjectedSources = NonNullable<NonNullable<NonNullable<Pod['spec']['volumes']>[number]['projected']>['sources']>;

async function writePrivate(path: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(path, content, { mode: 0o600 });
}

function mountsOf(container: Container | undefined, rootDir: string): { mountPath: string; local: string }[] {
  return (container?.volumeMounts ?? [])
    .filter(({ name }) => name === volumeNames.files)
    .map(({ mountPath, subPath = '' }) => ({ mountPath, local: join(rootDir, agentPaths.files, subPath) }));
}

function start(container: Container, variables: ReadonlyMap<string, string>, options: PodRunOptions): ChildProcess {
  const mounts = mountsOf(container, options.rootDir);
  const local = (text: string): string =>
    mounts.reduce((result, mount) => result.replaceAll(mount.mountPath, mount.local), text);
  const command = container.command ?? [];
  const [program, ...args] = [...(unwrapped(command) ?? command), ...(container.args ?? [])].map(local);
  if (program === undefined) {
    throw new Error(`The container ${container.name} has no command. Without its image, a command must be given.`);
  }
  const env: Record<string, string> = { PATH: process.env['PATH'] ?? '/usr/bin:/bin' };
  if (mounts[0] !== undefined) env['KAAP_MOUNT'] = mounts[0].local;
  for (const { name, value, valueFrom } of container.env ?? []) {
    const key = valueFrom?.fileKeyRef?.key;
    const found = key === undefined ? local(value ?? '') : variables.get(key);
    if (found !== undefined) env[name] = found;
  }
  Object.assign(env, wrapperVariables(container, options.rootDir));
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) readLines(stream, container.name, options);
  return child;
}

/** What the wrapper would set, for a container whose command is wrapped. */
function wrapperVariables({ volumeMounts = [] }: Container, rootDir: string): Record<string, string> {
  const folder = volumeMounts.find(({ name }) => name === volumeNames.exec)?.subPath;
  if (folder === undefined) return {};
  const text = readFileSync(join(rootDir, agentPaths.exec, folder, execPlaces.environ), 'utf8');
  const entries = text.split('\0').slice(0, -1);
  return Object.fromEntries(entries.map((entry) => entry.split(/=(.*)/s).slice(0, 2) as [string, string]));
}

function readLines(stream: NodeJS.ReadableStream, container: string, { onOutput }: PodRunOptions): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onOutput(container, line);
  });
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 128));
  });
}
