import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { certificatesToData, renewCertificates } from '../../webhook/certificates.ts';
import type { ClusterAccess } from '../../tools/cluster/access.ts';
import { currentCluster } from '../../tools/cluster/cluster.ts';
import { ProcessCluster } from '../../tools/cluster/process-cluster.ts';
import { systemNamespace } from './installation.ts';
import { steppedClock, steppedMs } from './stepped-clock.ts';

/** Something that happens to the installation or to its node. Striking ends when the fault itself is over. */
export interface Fault {
  readonly name: string;
  strike(): Promise<unknown>;
}

const hundredDaysMs = 100 * 86_400_000;

/** What happens to an installation on any cluster, and to the node where it is made of processes. */
export function chaosFaults(access: ClusterAccess): readonly Fault[] {
  const node = currentCluster();
  return [...installationFaults(access), ...(node instanceof ProcessCluster ? nodeFaults(node) : [])];
}

function installationFaults(access: ClusterAccess): readonly Fault[] {
  const here = ['-n', systemNamespace];
  const kill = (component: string): Promise<string> => {
    const selected = ['-l', `app.kubernetes.io/component=${component}`];
    return access.kubectl(['delete', 'pod', ...here, ...selected, '--now', '--wait=false']);
  };
  const secret = 'kaap-webhook-cert';
  return [
    { name: 'the webhook is killed', strike: () => kill('webhook') },
    {
      name: 'caBundle is emptied',
      strike: () => {
        const patch = JSON.stringify([{ op: 'remove', path: '/webhooks/0/clientConfig/caBundle' }]);
        return access.kubectl(['patch', 'mutatingwebhookconfiguration', 'kaap', '--type=json', `--patch=${patch}`]);
      },
    },
    { name: 'the operator is killed', strike: () => kill('operator') },
    {
      name: 'the serving certificate is replaced',
      strike: async () => {
        await access.kubectl(['delete', 'secret', secret, ...here, '--ignore-not-found']);
        await kill('webhook');
      },
    },
    {
      name: 'the serving certificate has expired',
      strike: async () => {
        const dnsNames = [`kaap-webhook.${systemNamespace}.svc`];
        const now = Date.now() - hundredDaysMs;
        const data = certificatesToData(renewCertificates(undefined, { now, dnsNames, random: randomBytes }));
        const metadata = { name: secret, namespace: systemNamespace };
        await access.apply([{ apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data }]);
        await kill('webhook');
      },
    },
    { name: 'kms is killed', strike: () => kill('kms') },
    {
      name: 'kms is stopped for a while',
      strike: async () => {
        await access.kubectl(['scale', 'statefulset/kaap-kms', ...here, '--replicas=0']);
        await sleep(8000);
        await access.kubectl(['scale', 'statefulset/kaap-kms', ...here, '--replicas=1']);
      },
    },
    ...['statefulset/kaap-kms', 'deployment/kaap-operator', 'deployment/kaap-webhook'].map((workload, index) => ({
      name: `the clock of ${workload} steps, and back`,
      strike: async () => {
        const set = (variable: string): Promise<string> => access.kubectl(['set', 'env', workload, ...here, variable]);
        await set(steppedClock(index === 1 ? -1 : 1));
        await access.kubectl(['rollout', 'status', workload, ...here, '--timeout=60s']).catch(() => '');
        await sleep(steppedMs);
        await set('NODE_OPTIONS-');
      },
    })),
  ];
}

function nodeFaults(node: ProcessCluster): readonly Fault[] {
  const restart = async (name: 'kube-apiserver' | 'kubelet'): Promise<void> => {
    await node.kill(name);
    await node.up(() => undefined);
  };
  return [
    { name: 'the API server is restarted', strike: () => restart('kube-apiserver') },
    { name: 'the kubelet is restarted', strike: () => restart('kubelet') },
    {
      name: 'the node is rebooted',
      strike: async () => {
        await node.crashNode();
        await node.up(() => undefined);
      },
    },
  ];
}
