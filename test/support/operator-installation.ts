import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { kubeconfigConnection } from '../../src/kube/kube-config.ts';
import { clusterVersion } from '../../tools/cluster/binaries.ts';
import { makeKmsHome, startKmsProcess, type KmsProcess } from './kms-process.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');

/** Namespace of the installation. */
export const systemNamespace = 'kaap-system';

/** The API server that an installation is made on, and the programs to do it with. */
export interface InstallationSite {
  /** Signs in as an administrator. */
  readonly kubeconfigPath: string;
  readonly kubectlPath: string;
  readonly helmPath: string;
  /** An empty folder for state, tokens and kubeconfigs. */
  readonly folder: string;
  /** Values of the chart, as for `helm --set`, where others than its own are wanted. */
  readonly chartValues?: readonly string[];
}

/** A running operator. */
export interface OperatorProcess {
  readonly pid: number;
  /** Resolves when it has become the leader. */
  readonly leads: Promise<void>;
  /** Ends the process; resolves when it is gone. */
  end(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

/** Kaap on an API server without a node: `kms` and operators are processes, with the rights that the chart gives. */
export interface OperatorInstallation {
  readonly kms: KmsProcess;
  /** Starts one more operator; `instance` is its pod's name. */
  startOperator(instance: string, environment?: Readonly<Record<string, string>>): Promise<OperatorProcess>;
  /** Runs kubectl as an administrator; gives what it printed. */
  kubectl(...args: string[]): Promise<string>;
  /** Ends what was started. */
  close(): Promise<void>;
}

/** The chart's objects that say what the processes may do. */
const accessTemplates = [
  'kms-serviceaccount',
  'kms-clusterrole',
  'operator-serviceaccount',
  'operator-clusterrole',
].concat('operator-role');

/** Installs definitions and roles, and starts `kms`. */
export async function installOperator(site: InstallationSite): Promise<OperatorInstallation> {
  const kubectl = async (...args: string[]): Promise<string> =>
    (await execute(site.kubectlPath, [`--kubeconfig=${site.kubeconfigPath}`, ...args], { maxBuffer: 2 ** 28 })).stdout;
  await kubectl('create', 'namespace', systemNamespace);
  await kubectl('apply', '--server-side', '--filename', join(root, 'crds'));
  await kubectl('wait', '--for=condition=Established', '--timeout=30s', '--filename', join(root, 'crds'));
  const access = join(site.folder, 'access.yaml');
  const shown = accessTemplates.map((name) => `--show-only=templates/${name}.yaml`);
  const values = (site.chartValues ?? []).map((value) => `--set=${value}`);
  const where = [`--namespace=${systemNamespace}`, `--kube-version=${clusterVersion}`];
  const template = ['template', 'kaap', join(root, 'charts/kaap'), ...where, ...values, ...shown];
  await writeFile(access, (await execute(site.helmPath, template)).stdout);
  await kubectl('apply', '--server-side', `--namespace=${systemNamespace}`, '--filename', access);
  const kms = await startKms(site, kubectl);
  const operators: OperatorProcess[] = [];
  return {
    kms,
    kubectl,
    startOperator: async (instance, environment = {}) => {
      const settings = await operatorSettings(site, kms, kubectl);
      const operator = spawnOperator({ ...settings, POD_NAME: instance, ...environment });
      operators.push(operator);
      return operator;
    },
    close: async () => {
      await Promise.all(operators.map((operator) => operator.end('SIGTERM')));
      await kms.end('SIGTERM');
    },
  };
}

type Kubectl = OperatorInstallation['kubectl'];

/** A token of a service account in a file, good for three hours. */
async function tokenFile(
  site: InstallationSite,
  kubectl: Kubectl,
  account: string,
  audience?: string,
): Promise<string> {
  const asked = audience === undefined ? [] : [`--audience=${audience}`];
  const namespaced = [`--namespace=${systemNamespace}`, '--duration=3h'];
  const path = join(site.folder, `${account}${audience === undefined ? '' : '.kms'}.token`);
  await writeFile(path, (await kubectl('create', 'token', account, ...namespaced, ...asked)).trim(), { mode: 0o600 });
  return path;
}

async function startKms(site: InstallationSite, kubectl: Kubectl): Promise<KmsProcess> {
  const { server, tls } = await kubeconfigConnection(site.kubeconfigPath);
  const ca = join(site.folder, 'api-server-ca.crt');
  await writeFile(ca, tls.ca ?? '');
  const home = await makeKmsHome(join(site.folder, 'kms'), {
    KAAP_OPERATOR_SERVICE_ACCOUNT: `${systemNamespace}:kaap-operator`,
    KAAP_LOG_LEVEL: 'info',
    KAAP_REVIEW_SERVER: server,
    KAAP_REVIEW_TOKEN_FILE: await tokenFile(site, kubectl, 'kaap-kms'),
    KAAP_REVIEW_CA_FILE: ca,
  });
  return startKmsProcess(home, join(import.meta.dirname, 'reviewing-kms.ts'));
}

async function operatorSettings(
  site: InstallationSite,
  kms: KmsProcess,
  kubectl: Kubectl,
): Promise<Record<string, string>> {
  const kubeconfig = join(site.folder, 'operator.kubeconfig');
  const tokenPath = await tokenFile(site, kubectl, 'kaap-operator');
  const named = { cluster: 'site', user: 'operator' };
  const { server, tls } = await kubeconfigConnection(site.kubeconfigPath);
  const authority = Buffer.from(tls.ca ?? '').toString('base64');
  const config = {
    'current-context': 'site',
    contexts: [{ name: 'site', context: named }],
    clusters: [{ name: 'site', cluster: { server, 'certificate-authority-data': authority } }],
    users: [{ name: 'operator', user: { tokenFile: tokenPath } }],
  };
  await writeFile(kubeconfig, JSON.stringify(config));
  return {
    KUBECONFIG: kubeconfig,
    KAAP_ENDPOINT: kms.endpoint,
    KAAP_CA_FILE: join(site.folder, 'kms', 'ca.crt'),
    KAAP_TOKEN_FILE: await tokenFile(site, kubectl, 'kaap-operator', 'kaap.dev/operator'),
    KAAP_METRICS_LISTEN: '127.0.0.1:0',
    POD_NAMESPACE: systemNamespace,
  };
}

/** Flags of Node in the operator's image: what is tested and measured is what runs. */
const imageFlags: readonly string[] = (
  JSON.parse(
    /AS operator\nENTRYPOINT (\[.*\])/.exec(readFileSync(join(root, 'Dockerfile'), 'utf8'))?.[1] ?? '[]',
  ) as string[]
).filter((argument) => argument.startsWith('--'));

/** The program as it is deployed. Its log goes to standard error of this process when `KAAP_SHOW_LOGS` is set. */
function spawnOperator(environment: Readonly<Record<string, string>>): OperatorProcess {
  const child = spawn(process.execPath, [...imageFlags, join(root, 'src/cmd/operator.ts')], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const gone = once(child, 'exit');
  const { promise: leads, resolve } = Promise.withResolvers<void>();
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (process.env['KAAP_SHOW_LOGS'] !== undefined) process.stderr.write(`${line}\n`);
    if (line.includes('"msg":"leading"')) resolve();
  });
  return {
    pid: child.pid ?? 0,
    leads,
    end: async (signal = 'SIGTERM') => {
      child.kill(signal);
      if (child.exitCode === null && child.signalCode === null) await gone;
    },
  };
}
