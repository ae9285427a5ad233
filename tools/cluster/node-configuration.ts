// SPDX-License-Identifier: Apache-2.0
/** The configuration files of one node's components, as plain data. */
import { dnsServiceAddress, podCidr } from './components.ts';

export const nodeName = 'kaap-node';
export const nodeAddress = '10.240.0.1';
export const nodeInterface = 'node0';
export const pauseImage = 'localhost/kaap/pause:1';
export const clusterDomain = 'cluster.local';
export const containerdSocket = '/run/containerd/containerd.sock';

/** What the files need to know of this machine. */
export interface NodeSettings {
  readonly folder: string;
  readonly cgroup: string;
  readonly caPath: string;
  readonly kubelet: { readonly cert: string; readonly key: string };
  readonly kubeProxyKubeconfig: string;
  readonly coreDnsKubeconfig: string;
  readonly cniPluginFolder: string;
}

/** File name in the state folder → content. JSON is YAML, so the Kubernetes components read it as it is. */
export function nodeFiles(settings: NodeSettings): Record<string, string> {
  return {
    'kubelet.yaml': json(kubelet(settings)),
    'kube-proxy.yaml': json(kubeProxy(settings)),
    'containerd.toml': containerd(settings),
    'cni/10-kaap.conflist': json(cni),
    Corefile: corefile(settings),
    // Pods with dnsPolicy Default get no server: there is nothing outside to ask.
    'resolv.conf': '',
  };
}

function kubelet(settings: NodeSettings): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: settings.caPath },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: settings.kubelet.cert,
    tlsPrivateKeyFile: settings.kubelet.key,
    address: nodeAddress,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${settings.cgroup}`,
    failCgroupV1: false,
    failSwapOn: false,
    clusterDNS: [dnsServiceAddress],
    clusterDomain,
    resolvConf: `${settings.folder}/resolv.conf`,
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    imageGCHighThresholdPercent: 100,
  };
}

function kubeProxy(settings: NodeSettings): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    clusterCIDR: podCidr,
    hostnameOverride: nodeName,
    clientConnection: { kubeconfig: settings.kubeProxyKubeconfig },
    // These sysctls belong to the machine, not to the namespace.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
}

const cni: object = {
  cniVersion: '0.4.0',
  name: 'kaap',
  plugins: [
    {
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      hairpinMode: true,
      ipam: {
        type: 'host-local',
        ranges: [[{ subnet: podCidr.replace('/16', '/24') }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
};

function containerd(settings: NodeSettings): string {
  // Without restrict_oom_score_adj runc dies with "can't get final child's PID from pipe" where the score may not be lowered.
  return `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${settings.cniPluginFolder}"
    conf_dir = "${settings.folder}/cni"
`;
}

function corefile(settings: NodeSettings): string {
  return `.:53 {
  bind ${nodeAddress}
  errors
  kubernetes ${clusterDomain} in-addr.arpa ip6.arpa {
    kubeconfig ${settings.coreDnsKubeconfig}
    pods insecure
    ttl 5
  }
}
`;
}

/** Objects that every cluster of this kind has: the DNS Service, and volumes for claims of the default class. */
export function clusterObjects(volumeFolders: readonly string[]): object[] {
  return [...dnsObjects(), ...storageObjects(volumeFolders)];
}

function dnsObjects(): object[] {
  const metadata = { name: 'kube-dns', namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } };
  const ports = ['UDP', 'TCP'].map((protocol) => ({ name: `dns-${protocol.toLowerCase()}`, protocol, port: 53 }));
  const reads = [
    { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
  ];
  const rbac = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP: dnsServiceAddress, ports } },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { ...metadata.labels, 'kubernetes.io/service-name': 'kube-dns' } },
      addressType: 'IPv4',
      ports,
      endpoints: [{ addresses: [nodeAddress], conditions: { ready: true } }],
    },
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name: 'system:coredns' }, rules: reads },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'system:coredns' },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'system:coredns' },
      subjects: [{ apiGroup: rbac, kind: 'User', name: 'system:coredns' }],
    },
  ];
}

function storageObjects(volumeFolders: readonly string[]): object[] {
  const storageClassName = 'standard';
  const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
  return [
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: storageClassName, annotations },
      provisioner: 'kubernetes.io/no-provisioner',
    },
    ...volumeFolders.map((path, index) => ({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: `local-${index}` },
      spec: { storageClassName, capacity: { storage: '10Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path } },
    })),
  ];
}

/** The names in the kubelet's certificate. */
export const kubeletNames: readonly string[] = [`DNS:${nodeName}`, `IP:${nodeAddress}`];

function json(value: object): string {
  return JSON.stringify(value, null, 2);
}
