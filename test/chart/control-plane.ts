import type { TestProject } from 'vitest/node';
import { ensureBinaries } from '../../tools/cluster/binaries.ts';
import { startControlPlane } from '../../tools/cluster/control-plane.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Signs in as an administrator of the API server under test. */
    kubeconfig: string;
    /** PEM text of a certificate authority. */
    ca: string;
    kubectl: string;
    helm: string;
  }
}

/** One API server for all tests of the chart. Builds what it needs when that is not there yet. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { helm } = ensureBinaries(['etcd', 'kube-apiserver', 'kubectl', 'kube-controller-manager', 'helm']);
  const controlPlane = await startControlPlane();
  project.provide('kubeconfig', controlPlane.kubeconfigPath);
  project.provide('ca', controlPlane.ca);
  project.provide('kubectl', controlPlane.kubectlPath);
  project.provide('helm', helm);
  return () => controlPlane.stop();
}
