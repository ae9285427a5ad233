// SPDX-License-Identifier: Apache-2.0
/** Command lines of the control plane's components, as plain data. */
import type { KeyPair } from './certificates.ts';

/** Where the parts of one control plane listen and keep what they know. */
export interface ControlPlaneSettings {
  readonly folder: string;
  /** The address that components and clients reach the API server at. */
  readonly address: string;
  readonly apiServerPort: number;
  readonly etcdPort: number;
  readonly etcdPeerPort: number;
  readonly caPath: string;
  readonly caKeyPath: string;
  readonly serving: KeyPair;
  readonly kubeletClient: KeyPair;
  readonly serviceAccount: KeyPair;
  readonly kubeconfigs: Readonly<Record<'kube-controller-manager' | 'kube-scheduler', string>>;
}

/** Service addresses; the first is the API server's own Service, the tenth the cluster's DNS. */
export const serviceCidr = '10.96.0.0/16';
export const apiServiceAddress = '10.96.0.1';
export const dnsServiceAddress = '10.96.0.10';
export const podCidr = '10.244.0.0/16';

/** The issuer of service-account tokens. */
export const serviceAccountIssuer = 'https://kubernetes.default.svc.cluster.local';

/** The names that the API server's certificate must hold. */
export function apiServerNames(address: string): string[] {
  const service = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
  ];
  const addresses = [...new Set(['127.0.0.1', apiServiceAddress, address])];
  return [...['localhost', ...service].map((name) => `DNS:${name}`), ...addresses.map((ip) => `IP:${ip}`)];
}

/** etcd on loopback, without the syncs that only a power cut needs. */
export function etcdArguments(settings: ControlPlaneSettings): string[] {
  const client = `http://127.0.0.1:${settings.etcdPort}`;
  const peer = `http://127.0.0.1:${settings.etcdPeerPort}`;
  return flags({
    name: 'kaap',
    'data-dir': `${settings.folder}/etcd`,
    'listen-client-urls': client,
    'advertise-client-urls': client,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `kaap=${peer}`,
    'unsafe-no-fsync': 'true',
    'log-level': 'warn',
  });
}

/** The API server: Node and RBAC authorization, default admission, service-account tokens any verifier can check. */
export function apiServerArguments(settings: ControlPlaneSettings): string[] {
  return flags({
    'etcd-servers': `http://127.0.0.1:${settings.etcdPort}`,
    'bind-address': settings.address,
    'advertise-address': settings.address,
    'secure-port': String(settings.apiServerPort),
    'service-cluster-ip-range': serviceCidr,
    'tls-cert-file': settings.serving.cert,
    'tls-private-key-file': settings.serving.key,
    'client-ca-file': settings.caPath,
    'kubelet-certificate-authority': settings.caPath,
    'kubelet-client-certificate': settings.kubeletClient.cert,
    'kubelet-client-key': settings.kubeletClient.key,
    'kubelet-preferred-address-types': 'InternalIP',
    'service-account-issuer': serviceAccountIssuer,
    'service-account-jwks-uri': `${serviceAccountIssuer}/openid/v1/jwks`,
    'service-account-key-file': settings.serviceAccount.cert,
    'service-account-signing-key-file': settings.serviceAccount.key,
    'authorization-mode': 'Node,RBAC',
    'allow-privileged': 'true',
  });
}

/** The controller manager, each controller with a service account of its own. */
export function controllerManagerArguments(settings: ControlPlaneSettings): string[] {
  const kubeconfig = settings.kubeconfigs['kube-controller-manager'];
  return flags({
    kubeconfig,
    'authentication-kubeconfig': kubeconfig,
    'authorization-kubeconfig': kubeconfig,
    'root-ca-file': settings.caPath,
    'cluster-signing-cert-file': settings.caPath,
    'cluster-signing-key-file': settings.caKeyPath,
    'service-account-private-key-file': settings.serviceAccount.key,
    'use-service-account-credentials': 'true',
    'leader-elect': 'false',
    'secure-port': '0',
    'allocate-node-cidrs': 'true',
    'cluster-cidr': podCidr,
    'service-cluster-ip-range': serviceCidr,
  });
}

/** The scheduler, alone. */
export function schedulerArguments(settings: ControlPlaneSettings): string[] {
  const kubeconfig = settings.kubeconfigs['kube-scheduler'];
  return flags({ kubeconfig, 'leader-elect': 'false', 'secure-port': '0' });
}

/** `{a: 'b'}` as `--a=b`. */
export function flags(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).map(([name, value]) => `--${name}=${value}`);
}
