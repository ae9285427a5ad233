import { createHash } from 'node:crypto';
import { asksNodeForNames } from '../src/api/pod-dns.ts';
import { accessFor } from './access.ts';
import { readWishes, type PodWishes } from './annotations.ts';
import { refuseConflicts } from './conflicts.ts';
import { demandsOf, isFor, type BoundAccess, type Consumer } from './demand.ts';
import { agentGroup } from './layout.ts';
import { refuseEndpoint } from './local-endpoint.ts';
import { agentConfigFor } from './mutate/agent-setup.ts';
import { agentContainer } from './mutate/sidecar.ts';
import { injectedVolumes } from './mutate/volumes.ts';
import type { Installation, PlanContext } from './plan.ts';
import { containerLists, type Container, type Pod, type Volume } from './pod.ts';
import { Refusal } from './refusal.ts';
import { refuseReactions } from './reactions.ts';
import { selectBindings } from './select.ts';
import { isOlder, textOf, type ServerVersion } from './server-version.ts';
import { unusedReferences, type EnvFileSupport } from './variables.ts';

/** All that goes into one pod. */
export interface Injection {
  consumers: readonly Consumer[];
  volumes: readonly Volume[];
  agent: Container;
  /** Value of the annotation kaap.dev/injected. */
  mark: string;
  /** A group to add to the pod, through which its containers can read files of mode 0440. */
  supplementalGroup?: number;
  warnings: readonly string[];
}

/** The first version whose API server takes `restartPolicy: Always` on init containers without a feature gate. */
const sidecarVersion: ServerVersion = { major: 1, minor: 29 };

/** The first version in which `fileKeyRef` is on without a feature gate. */
const envFileVersion: ServerVersion = { major: 1, minor: 35 };

/** Computes the injection of a pod that has nothing of Kaap's in it yet. Throws a {@link Refusal}. */
export function injectionFor(pod: Pod, wishes: PodWishes, context: PlanContext, installation: Installation): Injection {
  refuseUnfit(pod);
  const bound = boundAccesses(pod, wishes, context, installation);
  const { serverVersion } = installation;
  const consumers = demandsOf(pod, bound, envFileSupport(serverVersion));
  refuseConflicts(consumers);
  const isSidecar = !isOlder(serverVersion, sidecarVersion);
  if (!isSidecar) refuseWithoutSidecar(bound, serverVersion);
  refuseReactions(pod, bound, serverVersion);
  refuseEndpoint(pod, bound);
  const hasFiles = consumers.some(({ groups }) => groups.length > 0);
  const hasWrapper = consumers.some(({ variables }) => variables.wrapped !== undefined);
  const hasEndpoint = consumers.some(({ endpoint }) => endpoint !== undefined);
  const accesses = bound.map(({ access }) => access);
  const volumes = injectedVolumes(accesses, { hasFiles, hasWrapper, hasEndpoint }, restarting(bound));
  const config = { ...agentConfigFor(bound, consumers, installation), ...(isSidecar ? {} : { once: true as const }) };
  const agent = agentContainer(pod, config, volumes, installation);
  return {
    consumers,
    volumes,
    agent,
    mark: markOf(volumes, agent),
    ...((hasFiles || hasWrapper || hasEndpoint) && needsGroup(pod) ? { supplementalGroup: agentGroup } : {}),
    warnings: [...warningsFor(pod, bound), ...dnsWarnings(pod, installation), ...bound.flatMap(modeWarnings)],
  };
}

/** Names of the bindings after whose changes containers start again. */
function restarting(bound: readonly BoundAccess[]): string[] {
  return bound
    .filter(({ binding }) => binding.spec.refresh?.onChange === 'RestartContainers')
    .map(({ binding }) => binding.metadata.name);
}

/** Reads what the pod says, refusing what it may not say. */
export function wishesOf(pod: Pod): PodWishes {
  return readWishes(pod.metadata ?? {});
}

function boundAccesses(pod: Pod, wishes: PodWishes, context: PlanContext, installation: Installation): BoundAccess[] {
  const serviceAccount = pod.spec.serviceAccountName ?? '';
  const who = {
    namespace: context.namespace,
    serviceAccount: serviceAccount === '' ? 'default' : serviceAccount,
  };
  return selectBindings(wishes, pod.metadata?.labels ?? {}, who, context.bindings).map((binding) => ({
    binding,
    access: accessFor(binding, context.accessPoints, who, installation),
  }));
}

/** More than any pod has; a bound on the work that one review can ask for (checklist A6). */
const maxContainers = 500;

function refuseUnfit(pod: Pod): void {
  if (pod.spec.containers.length + (pod.spec.initContainers ?? []).length > maxContainers) {
    throw new Refusal(`Kaap does not inject into pods of more than ${maxContainers} containers.`);
  }
  if (pod.spec.os?.name === 'windows') {
    throw new Refusal('Kaap cannot inject into Windows pods. Remove the label kaap.dev/inject.');
  }
  if (pod.metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined) {
    throw new Refusal(
      'A static pod is run by its node, past admission, and cannot be injected. Run it as a DaemonSet, or remove the ' +
        'label kaap.dev/inject.',
    );
  }
}

function envFileSupport(version: ServerVersion): EnvFileSupport {
  return isOlder(version, envFileVersion) ? { supported: false, version: textOf(version) } : { supported: true };
}

/** Without native sidecars the agent is a classic init container: it delivers once and ends. */
function refuseWithoutSidecar(bound: readonly BoundAccess[], version: ServerVersion): void {
  const lasting = (['refresh', 'localEndpoint'] as const).flatMap((field) =>
    bound.filter(({ binding }) => binding.spec[field] !== undefined).map(({ binding }) => ({ binding, field })),
  );
  const [first] = lasting;
  if (first === undefined) return;
  throw new Refusal(
    `The SecretBinding ${first.binding.metadata.name} has spec.${first.field}, which needs native sidecars (Kubernetes 1.29); this ` +
      `cluster has ${textOf(version)}. Remove spec.${first.field}: the secrets are then delivered when the pod starts.`,
  );
}

/** With an fsGroup the kubelet makes the volume, and so all files in it, belong to that group. */
function needsGroup(pod: Pod): boolean {
  const security = pod.spec.securityContext;
  return security?.fsGroup === undefined && security?.supplementalGroups?.includes(agentGroup) !== true;
}

/** Resources are left out: other admission plugins may lawfully change them. */
function markOf(volumes: readonly Volume[], agent: Container): string {
  const { resources: _, ...rest } = agent;
  return createHash('sha256')
    .update(JSON.stringify([volumes, rest]))
    .digest('hex')
    .slice(0, 16);
}

function warningsFor(pod: Pod, bound: readonly BoundAccess[]): string[] {
  return [...referenceWarnings(pod, bound), ...namespaceWarnings(pod)];
}

function referenceWarnings(pod: Pod, bound: readonly BoundAccess[]): string[] {
  return containerLists.flatMap((list) =>
    (pod.spec[list] ?? []).flatMap((container) => {
      const mine = bound.map(({ binding }) => binding).filter((binding) => isFor(binding, container));
      return unusedReferences(container, mine).map(
        (name) =>
          `kaap: the variable ${name} of the container ${container.name} looks like a reference to a secret and stays as it ` +
          'is: no SecretBinding of this pod sets spec.envReferences to SourcesOnly.',
      );
    }),
  );
}

function namespaceWarnings(pod: Pod): string[] {
  if (pod.spec.shareProcessNamespace !== true && pod.spec.hostPID !== true) return [];
  return [
    'kaap: the containers of this pod see each other through a shared process namespace, so a container that a ' +
      'SecretBinding does not name may still read its secrets.',
  ];
}

/** The agent waits for a name that only the DNS of the cluster knows; nothing is refused, for a node may be made to know it. */
function dnsWarnings(pod: Pod, { endpoint }: Installation): string[] {
  const { hostname } = new URL(endpoint);
  if (!asksNodeForNames(pod.spec) || !/\.svc(\.|$)/.test(hostname)) return [];
  return [
    `kaap: this pod asks the DNS of its node, which most often does not know ${hostname}: its agent would wait for it. ` +
      'Set spec.dnsPolicy of the pod to ClusterFirst, or with hostNetwork to ClusterFirstWithHostNet.',
  ];
}

function modeWarnings({ binding }: BoundAccess): string[] {
  const owners = (binding.spec.files ?? []).filter(({ mode }) => (Number.parseInt(mode, 8) & 0o044) === 0);
  return owners.map(
    ({ path, mode }) =>
      `kaap: the file ${path} of the SecretBinding ${binding.metadata.name} has mode ${mode}: only its owner, the user of ` +
      'the agent, can read it. Set spec.securityContext.runAsUser of the pod, or use mode 0440.',
  );
}
