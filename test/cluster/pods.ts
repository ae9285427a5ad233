// SPDX-License-Identifier: Apache-2.0
import { probeImage } from './probe-image.ts';

/** A pod that runs the probe with some arguments. */
export function probePod(name: string, args: readonly string[], restartPolicy = 'Never'): object {
  return pod(name, { restartPolicy, containers: [{ name: 'probe', image: probeImage, args }] });
}

/** A pod whose application gets an environment variable from a file that its native sidecar writes. */
export function envFilePod(name: string, variable: string, value: string): object {
  const mount = { name: 'env', mountPath: '/env' };
  const fileKeyRef = { volumeName: 'env', path: 'env', key: variable };
  return pod(name, {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 2,
    volumes: [{ name: 'env', emptyDir: { medium: 'Memory' } }],
    initContainers: [
      {
        name: 'writer',
        image: probeImage,
        args: ['write', '/env/env', `${variable}='${value}'\n`],
        restartPolicy: 'Always',
        volumeMounts: [mount],
        lifecycle: { postStart: { exec: { command: ['/probe', 'wait', '/env/env'] } } },
      },
    ],
    containers: [
      {
        name: 'application',
        image: 'localhost/kaap/test-app:dev',
        args: [variable],
        env: [{ name: variable, valueFrom: { fileKeyRef } }],
      },
    ],
  });
}

/** A Service in front of the pod of the same name. */
export function service(name: string, port: number, targetPort: number): object {
  const spec = { selector: { app: name }, ports: [{ port, targetPort }] };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec };
}

function pod(name: string, spec: object): object {
  const securityContext = { fsGroup: 65532 };
  const metadata = { name, namespace: 'default', labels: { app: name } };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { securityContext, ...spec } };
}
