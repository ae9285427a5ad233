import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { systemClock, type Clock } from '../lib/clock.ts';
import { fileToken, staticToken, type TokenSource } from './token-source.ts';

/** How to reach an API server, and as whom. */
export interface KubeConnection {
  /** Origin and optional path, `https://10.0.0.1:6443`. */
  server: string;
  tls: KubeTls;
  /** Absent for client certificates and for servers that do not ask. */
  token?: TokenSource;
  /** The namespace of the pod, or of the kubeconfig context. */
  namespace?: string;
}

/** PEM texts; the names are those of node:tls. */
export interface KubeTls {
  ca?: string;
  cert?: string;
  key?: string;
  servername?: string;
  rejectUnauthorized?: boolean;
}

export interface LoadOptions {
  /** File to read instead of the usual places. */
  kubeconfig?: string | undefined;
  /** Context instead of the current one. */
  context?: string | undefined;
  env: NodeJS.ProcessEnv;
  clock?: Clock;
}

const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The service account's own connection inside a pod; otherwise the kubeconfig, found as kubectl finds it. */
export async function loadKubeConnection(options: LoadOptions): Promise<KubeConnection> {
  const { kubeconfig, env } = options;
  if (kubeconfig === undefined && env['KUBECONFIG'] === undefined && env['KUBERNETES_SERVICE_HOST'] !== undefined) {
    return inClusterConnection(env, serviceAccountFolder, options.clock);
  }
  const paths = kubeconfig ?? env['KUBECONFIG'] ?? join(homedir(), '.kube', 'config');
  return kubeconfigConnection(paths, options);
}

/** Reads what the kubelet mounts into every pod that has a service account. */
export async function inClusterConnection(
  env: NodeJS.ProcessEnv,
  folder: string = serviceAccountFolder,
  clock: Clock = systemClock,
): Promise<KubeConnection> {
  const host = env['KUBERNETES_SERVICE_HOST'];
  if (host === undefined || host === '') throw new Error('KUBERNETES_SERVICE_HOST is not set: this is not a pod');
  const port = env['KUBERNETES_SERVICE_PORT'] ?? '443';
  const namespace = await readFile(join(folder, 'namespace'), 'utf8').catch(() => undefined);
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    tls: { ca: await readFile(join(folder, 'ca.crt'), 'utf8') },
    token: fileToken(join(folder, 'token'), clock),
    ...(namespace === undefined ? {} : { namespace: namespace.trim() }),
  };
}

interface Kubeconfig {
  'current-context'?: string;
  contexts?: { name: string; context?: { cluster?: string; user?: string; namespace?: string } }[];
  clusters?: { name: string; cluster?: ClusterEntry }[];
  users?: { name: string; user?: UserEntry }[];
}

interface ClusterEntry {
  server?: string;
  'certificate-authority'?: string;
  'certificate-authority-data'?: string;
  'insecure-skip-tls-verify'?: boolean;
  'tls-server-name'?: string;
}

interface UserEntry {
  token?: string;
  tokenFile?: string;
  'client-certificate'?: string;
  'client-certificate-data'?: string;
  'client-key'?: string;
  'client-key-data'?: string;
  exec?: unknown;
  'auth-provider'?: unknown;
}

/** An entry of a kubeconfig, and the folder that its relative paths start from. */
interface Found<E> {
  entry: E;
  folder: string;
}

/** Reads kubeconfig files; of several, separated as in PATH, the first that has an entry wins, as with kubectl. */
export async function kubeconfigConnection(
  paths: string,
  options: { context?: string | undefined; clock?: Clock } = {},
): Promise<KubeConnection> {
  const files = await Promise.all(paths.split(delimiter).filter(Boolean).map(readKubeconfig));
  const contextName = options.context ?? files.map((file) => file.entry['current-context']).find(Boolean);
  if (contextName === undefined) throw new Error(`${paths}: no current-context; name a context`);
  const context = pick(files, (file) => file.contexts, contextName, 'context').entry.context ?? {};
  const cluster = pick(files, (file) => file.clusters, context.cluster, 'cluster');
  const user = context.user === undefined ? undefined : pick(files, (file) => file.users, context.user, 'user');
  const token = user && tokenOf(user.entry.user ?? {}, user.folder, options.clock ?? systemClock);
  const server = cluster.entry.cluster?.server;
  if (server === undefined) throw new Error(`${paths}: cluster ${String(context.cluster)} has no server`);
  return {
    server: server.replace(/\/+$/, ''),
    tls: {
      ...(await clusterTls(cluster.entry.cluster ?? {}, cluster.folder)),
      ...(user === undefined ? {} : await userTls(user.entry.user ?? {}, user.folder)),
    },
    ...(token === undefined ? {} : { token }),
    ...(context.namespace === undefined ? {} : { namespace: context.namespace }),
  };
}

async function readKubeconfig(path: string): Promise<Found<Kubeconfig>> {
  const text = await readFile(path, 'utf8');
  let entry: Kubeconfig | null;
  try {
    entry = parse(text) as Kubeconfig | null;
  } catch {
    // The parser's message quotes the line, which may hold a credential.
    throw new Error(`${path} is not YAML`);
  }
  return { entry: entry ?? {}, folder: dirname(resolve(path)) };
}

function pick<E extends { name: string }>(
  files: Found<Kubeconfig>[],
  of: (file: Kubeconfig) => E[] | undefined,
  name: string | undefined,
  what: string,
): Found<E> {
  for (const { entry: file, folder } of files) {
    const entry = of(file)?.find((candidate) => candidate.name === name);
    if (entry !== undefined) return { entry, folder };
  }
  throw new Error(`the kubeconfig has no ${what} ${name ?? ''}`.trimEnd());
}

async function clusterTls(cluster: ClusterEntry, folder: string): Promise<KubeTls> {
  const ca = await pem(cluster['certificate-authority-data'], cluster['certificate-authority'], folder);
  const servername = cluster['tls-server-name'];
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(servername === undefined ? {} : { servername }),
    ...(cluster['insecure-skip-tls-verify'] === true ? { rejectUnauthorized: false } : {}),
  };
}

async function userTls(user: UserEntry, folder: string): Promise<KubeTls> {
  const cert = await pem(user['client-certificate-data'], user['client-certificate'], folder);
  const key = await pem(user['client-key-data'], user['client-key'], folder);
  return cert === undefined || key === undefined ? {} : { cert, key };
}

async function pem(data: string | undefined, path: string | undefined, folder: string): Promise<string | undefined> {
  if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8');
  return path === undefined ? undefined : readFile(resolve(folder, path), 'utf8');
}

function tokenOf(user: UserEntry, folder: string, clock: Clock): TokenSource | undefined {
  if (user.tokenFile !== undefined) return fileToken(resolve(folder, user.tokenFile), clock);
  if (user.token !== undefined) return staticToken(user.token);
  if (user.exec !== undefined || user['auth-provider'] !== undefined) {
    throw new Error(
      'the kubeconfig user needs a credential plugin, which is not supported: use a token or a certificate',
    );
  }
  return undefined;
}
