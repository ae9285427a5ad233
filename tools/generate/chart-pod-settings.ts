// SPDX-License-Identifier: Apache-2.0
import { count, kubernetesObject, list, oneOf, section, text, type Section, type Settings } from './chart-settings.ts';

/** What every Deployment and StatefulSet lets a user say of its pods. */
export function podSettings(requests: { cpu: string; memory: string }, memoryLimit: string): Settings {
  return {
    resources: kubernetesObject('Requests and limits of the container.', { requests, limits: { memory: memoryLimit } }),
    podAnnotations: kubernetesObject('Annotations of the pods.'),
    podLabels: kubernetesObject('Further labels of the pods.'),
    nodeSelector: kubernetesObject('Labels that a node must have.'),
    tolerations: list('Taints of nodes that the pods tolerate.', [], { type: 'object' }),
    affinity: kubernetesObject('Affinity of the pods.'),
    topologySpreadConstraints: list(
      'How the pods spread over nodes and zones. Empty: over nodes and zones, where possible.',
      [],
      { type: 'object' },
    ),
    extraEnv: list('Further environment variables, as Kubernetes writes them.', [], {
      type: 'object',
      required: ['name'],
    }),
  };
}

/** A Service that callers from outside the cluster may be let to. */
export function serviceSection(name: string): Section {
  return section(`The Service ${name}.`, {
    type: oneOf('Type of the Service.', 'ClusterIP', ['ClusterIP', 'NodePort', 'LoadBalancer']),
    port: count('Port of the Service.', 443, 1, 65_535),
    annotations: kubernetesObject('Annotations of the Service.'),
  });
}

/** The volume that one pod has, or the one that it is given. */
export function volumeSettings(size: string): Settings {
  return {
    size: text('Size of the volume.', size, { pattern: '^[0-9]+(\\.[0-9]+)?(Mi|Gi|Ti)$' }),
    storageClassName: text('Storage class; the default one when empty.', ''),
    existingClaim: text('A PersistentVolumeClaim to use instead of a new one.', ''),
  };
}
