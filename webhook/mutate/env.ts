import { envFileName, volumeNames } from '../layout.ts';
import type { EnvVar } from '../pod.ts';
import { envFileKey, type Variable } from '../variables.ts';

/**
 * Environment variables that the kubelet takes from the agent's env file when it makes the container (KEP-3721). The
 * value is in no object of the cluster. They go before the container's own, so that those can refer to them as
 * `$(NAME)`.
 */
export function injectedEnv(variables: readonly Variable[]): EnvVar[] {
  return variables.map((variable) => ({
    name: variable.name,
    valueFrom: {
      fileKeyRef: { volumeName: volumeNames.env, path: envFileName, key: envFileKey(variable), optional: false },
    },
  }));
}
