// SPDX-License-Identifier: Apache-2.0
import type { z } from 'zod';
import { choice, defaulted, integer, object, optional, text } from '../crd/fields.ts';

/** What happens to containers whose environment variables got a new value. */
export type OnChange = 'None' | 'RestartContainers' | 'Rollout';

/** A signal to a program of the pod, after its files have new content. */
export interface ChangeSignal {
  /** Name of the program, as in `/proc/<pid>/comm`. */
  process: string;
  signal: 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2' | 'SIGINT' | 'SIGTERM';
}

/** How a running pod follows new versions of its secrets. */
export interface BindingRefresh {
  /** Seconds between two looks at KMS where no change was announced. */
  intervalSeconds: number;
  onChange: OnChange;
  signal?: ChangeSignal;
}

/** Schema of {@link BindingRefresh}. */
export const bindingRefreshSchema: z.ZodType<BindingRefresh> = object('Keep up with new versions while the pod runs.', {
  intervalSeconds: defaulted(
    integer('Seconds between two looks at KMS. Changes are announced besides, and arrive within seconds.', 10, 86_400),
    300,
  ),
  onChange: defaulted(
    choice(
      'What happens when an environment variable gets a new value. None: it counts from the next start of the container. RestartContainers: all containers of the same pod start again (Kubernetes 1.36), one pod first. Rollout: the workload that owns the pods is rolled out.',
      ['None', 'RestartContainers', 'Rollout'],
    ),
    'None',
  ),
  signal: optional(
    object(
      'A signal after files have new content. Needs spec.shareProcessNamespace and spec.securityContext.runAsUser of the pod.',
      {
        process: text('Name of the program, at most 15 characters, as ps -o comm shows it.', {
          max: 15,
          format: { pattern: /^[A-Za-z0-9._+-]+$/, message: 'must be the bare name of a program, such as nginx' },
        }),
        signal: defaulted(choice('Which signal.', ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGINT', 'SIGTERM']), 'SIGHUP'),
      },
    ),
  ),
});
