// SPDX-License-Identifier: Apache-2.0
import type { z } from 'zod';
import { atomicListOf, object, text } from '../crd/fields.ts';
import { labelName } from './names.ts';

/**
 * How environment variables get into containers: through the kubelet (`fileKeyRef`, Kubernetes 1.35) or by a wrapper
 * around the container's command. `Auto` takes the first where the cluster has it.
 */
export type EnvMethod = 'Auto' | 'FileKeyRef' | 'Exec';

/** What a container runs, for those whose pods leave it to their image: the wrapper has to know. */
export interface ContainerCommand {
  /** Name of the container. */
  container: string;
  command: string[];
}

/** Schema of {@link ContainerCommand}. */
export const containerCommandSchema: z.ZodType<ContainerCommand> = object(
  'The entry point of the image of a container.',
  {
    container: labelName('Name of the container.'),
    command: atomicListOf(
      'The program and its first arguments. args of the container follow.',
      text('One argument.', { max: 1024, min: 0 }),
      { min: 1, max: 32 },
    ),
  },
);

/** Which secrets a pod may name itself, as `kms:<name of the secret>#<field>` in the value of a variable. */
export type EnvReferences = 'Forbidden' | 'SourcesOnly';
