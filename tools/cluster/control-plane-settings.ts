// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { CertificateAuthority } from './certificates.ts';
import type { KeyPair } from './certificates.ts';
import { apiServerNames } from './components.ts';
import type { ControlPlaneSettings } from './components.ts';
import { writeKubeconfig } from './kubeconfig.ts';

/** Where a control plane listens. */
export interface Endpoints {
  readonly address: string;
  readonly apiServerPort: number;
  readonly etcdPort: number;
  readonly etcdPeerPort: number;
}

/** A control plane's settings, with the certificate authority they were made by. */
export interface ControlPlaneIdentity {
  readonly settings: ControlPlaneSettings;
  readonly authority: CertificateAuthority;
  readonly server: string;
  readonly administrator: KeyPair;
  /** Signs in as a member of `system:masters`. */
  readonly kubeconfigPath: string;
}

/** Makes, or finds again, the certificates and kubeconfigs of a control plane in a folder. */
export function controlPlaneIdentity(folder: string, endpoints: Endpoints): ControlPlaneIdentity {
  const authority = new CertificateAuthority(join(folder, 'pki'));
  const server = `https://${endpoints.address}:${endpoints.apiServerPort}`;
  const names = apiServerNames(endpoints.address);
  const administrator = authority.issue('admin', { commonName: 'kaap-admin', organization: 'system:masters' });
  const settings: ControlPlaneSettings = {
    folder,
    ...endpoints,
    caPath: authority.ca.cert,
    caKeyPath: authority.ca.key,
    serving: authority.issue('kube-apiserver', { commonName: 'kube-apiserver', names }),
    kubeletClient: administrator,
    serviceAccount: authority.serviceAccountKeys(),
    kubeconfigs: {
      'kube-controller-manager': componentKubeconfig(authority, folder, server, 'kube-controller-manager'),
      'kube-scheduler': componentKubeconfig(authority, folder, server, 'kube-scheduler'),
    },
  };
  const kubeconfigPath = writeKubeconfig(join(folder, 'kubeconfig'), server, authority.ca.cert, administrator);
  return { settings, authority, server, administrator, kubeconfigPath };
}

/** Writes the kubeconfig of a component, which signs in as `system:<name>` unless told otherwise. */
export function componentKubeconfig(
  authority: CertificateAuthority,
  folder: string,
  server: string,
  name: string,
  client: KeyPair = authority.issue(name, { commonName: `system:${name}` }),
): string {
  return writeKubeconfig(join(folder, `${name}.kubeconfig`), server, authority.ca.cert, client);
}
