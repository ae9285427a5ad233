// SPDX-License-Identifier: Apache-2.0
import { kubernetesObject, list, type Settings } from './chart-settings.ts';

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
