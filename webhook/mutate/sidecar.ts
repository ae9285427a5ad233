import { agentConfigVariable, type AgentConfig } from '../agent/agent-config.ts';
import {
  agentGroup,
  agentName,
  agentPaths,
  agentUser,
  execProgram,
  readyFileName,
  restartExitCode,
  volumeNames,
} from '../layout.ts';
import {
  containerLists,
  type Container,
  type Pod,
  type Resources,
  type RestartPolicyRule,
  type VolumeMount,
} from '../pod.ts';
import { Refusal } from '../refusal.ts';

/** The agent as an installation gives it. */
export interface AgentImage {
  agentImage: string;
  agentImagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** What is not given is as {@link defaultResources} says. */
  agentResources?: Partial<AgentResources>;
}

/** What the agent asks for. */
export interface AgentResources {
  /** In pods of the classes Burstable and BestEffort. */
  burstable: Resources;
  /** In those of the class Guaranteed; requests and limits are the same. */
  guaranteed: Resources;
}

/** Linux takes no single environment string over 128 KiB; the rest is margin for its name. */
const maxConfigBytes = 120 * 1024;

/** Enough for the start, which wants a processor for a moment, and for what an agent holds. */
export const defaultResources: AgentResources = {
  burstable: { requests: { cpu: '10m', memory: '64Mi' }, limits: { cpu: '1', memory: '128Mi' } },
  guaranteed: { requests: { cpu: '200m', memory: '128Mi' }, limits: { cpu: '200m', memory: '128Mi' } },
};

/** Where the agent mounts each volume, and whether it writes there. */
const mounts: Readonly<Record<string, Omit<VolumeMount, 'name'>>> = {
  [volumeNames.token]: { mountPath: agentPaths.token, readOnly: true },
  [volumeNames.env]: { mountPath: agentPaths.env },
  [volumeNames.files]: { mountPath: agentPaths.files },
  [volumeNames.exec]: { mountPath: agentPaths.exec },
  [volumeNames.endpoint]: { mountPath: agentPaths.endpoint },
  [volumeNames.clientKey]: { mountPath: agentPaths.clientKey, readOnly: true },
};

/** What makes it a native sidecar that holds up what follows; without, it is an init container that ends. */
const sidecarFields: Pick<Container, 'restartPolicy' | 'lifecycle'> = {
  restartPolicy: 'Always',
  lifecycle: { postStart: { exec: { command: [execProgram, 'wait', `${agentPaths.env}/${readyFileName}`] } } },
};

/** What happens when the agent ends because variables have new values. */
const restartPolicyRules: RestartPolicyRule[] = [
  { action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [restartExitCode] } },
];

/**
 * The agent: a native sidecar that goes first. Containers after it are started once its `postStart` hook has returned,
 * and that waits for the ready file: no secret, no start. A hook returns at once where a probe would wait for its period.
 *
 * Fields that the API server would fill in are spelled out, so that a second look at the pod finds what was put in.
 */
export function agentContainer(
  pod: Pod,
  config: AgentConfig,
  volumes: readonly { name: string }[],
  image: AgentImage,
): Container {
  return {
    name: agentName,
    image: image.agentImage,
    imagePullPolicy: image.agentImagePullPolicy,
    ...(config.once === true ? {} : sidecarFields),
    ...(config.bindings.some(({ restartOnChange }) => restartOnChange) ? { restartPolicyRules } : {}),
    env: [{ name: agentConfigVariable, value: configText(config) }],
    volumeMounts: volumes.map(({ name }) => ({ name, ...(mounts[name] as Omit<VolumeMount, 'name'>) })),
    resources: { ...defaultResources, ...image.agentResources }[isGuaranteed(pod) ? 'guaranteed' : 'burstable'],
    securityContext: agentSecurity(pod),
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
  };
}

/** The kubelet expands `$(NAME)` and `$$` in values; as an escape of JSON, a dollar sign means nothing to it. */
function configText(config: AgentConfig): string {
  const text = JSON.stringify(config).replaceAll('$', String.raw`\u0024`);
  if (Buffer.byteLength(text) <= maxConfigBytes) return text;
  throw new Refusal(
    'The SecretBindings of this pod are too large together. Bind fewer to it (annotation kaap.dev/bindings), or put ' +
      'large ciphertexts into secrets of the KMS.',
  );
}

/**
 * Fits the Pod Security level "restricted". The user is the image's or the pod's own, so that clusters that assign users
 * to namespaces can; only a pod that runs as root needs another one here.
 */
function agentSecurity(pod: Pod): Record<string, unknown> {
  return {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    runAsGroup: agentGroup,
    seccompProfile: { type: 'RuntimeDefault' },
    ...(pod.spec.securityContext?.runAsUser === 0 ? { runAsUser: agentUser } : {}),
  };
}

/** A pod of the class Guaranteed stays one: the class is lost when one container asks for less than its limit. */
function isGuaranteed(pod: Pod): boolean {
  return containerLists
    .flatMap((list) => pod.spec[list] ?? [])
    .every(({ resources }) =>
      ['cpu', 'memory'].every((name) => {
        const limit = resources?.limits?.[name];
        return limit !== undefined && (resources?.requests?.[name] ?? limit) === limit;
      }),
    );
}
