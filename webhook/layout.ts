/**
 * Names and places of what is injected. Everything in a pod that begins with `kaap-` is Kaap's: a pod that brings such
 * a volume, container or mount of its own is refused.
 */
export const reservedPrefix = 'kaap-';

/** Name of the native sidecar. */
export const agentName = 'kaap-agent';

export const volumeNames = {
  /** Projected service-account tokens, one per access point. */
  token: 'kaap-token',
  /** Memory: the env file and the ready file. Mounted in the agent only; the kubelet reads it from outside. */
  env: 'kaap-env',
  /** Memory: files. A folder of it is mounted, read-only, in each container that a binding names. */
  files: 'kaap-files',
  /** Client key files, one per access point. Mounted in the agent only. */
  clientKey: 'kaap-client-key',
  /** Memory: the wrapper and the variables that it sets. A folder of it is mounted in each container that needs it. */
  exec: 'kaap-exec',
  /** Memory: tokens of the local endpoint. One file of it is mounted in each container that may ask. */
  endpoint: 'kaap-endpoint',
} as const;

/** Where the agent's container mounts them. */
export const agentPaths = {
  token: '/kaap/token',
  env: '/kaap/env',
  files: '/kaap/files',
  clientKey: '/kaap/client-key',
  exec: '/kaap/exec',
  endpoint: '/kaap/endpoint',
} as const;

export const envFileName = 'env';
export const readyFileName = '.ready';
export const clientKeyFileName = 'client-key.json';

/** Files that the agent is still writing. No binding may use a name that begins so. */
export const temporaryPrefix = '.kaap-';

/** Static program in the agent's image: waits, holds, executes. */
export const execProgram = '/kaap-exec';

/** What a container whose command is wrapped finds, and where. */
export const execPlaces = { mountPath: '/kaap/exec', program: 'kaap-exec', environ: 'environ' } as const;

/** Folder beside the tokens with the operator's word about restarts: a file for each binding. No access point has this name. */
export const turnFolder = '.turn';

/** Where a container finds the token of the local endpoint: the place that the KMS Agent has it. */
export const endpointTokenPath = '/var/run/kmstoken';

/** With this the agent ends when all containers of the pod are to start again (KEP-5532, RestartAllContainers). */
export const restartExitCode = 88;

/** User of the agent where the pod would make it root. The image's own user is the same. */
export const agentUser = 65_532;

/**
 * Group of the files. The application's user is often known to its image only, so mode 0440 means something only with
 * a group that every container is in: the pod's fsGroup, or, without one, this, added to its supplementalGroups.
 */
export const agentGroup = 65_532;

/** Audience of the token that an access point takes. */
export function audienceOf(accessPoint: string): string {
  return `kaap.dev/access-point/${accessPoint}`;
}
