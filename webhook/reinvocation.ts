import { isDeepStrictEqual } from 'node:util';
import { injected } from './annotations.ts';
import type { Consumer } from './demand.ts';
import type { Injection } from './injection.ts';
import { pointer, type PatchOperation } from './json-patch.ts';
import { agentName, reservedPrefix, volumeNames } from './layout.ts';
import { bareContainer, containerPatch, partsFor, partsIn } from './mutate/container.ts';
import { containerLists, type Container, type ContainerList, type Pod } from './pod.ts';
import { Refusal } from './refusal.ts';

/**
 * A pod that carries the mark kaap.dev/injected: one that comes back because another webhook changed it
 * (reinvocationPolicy: IfNeeded), or a copy of an injected pod, or a forgery. The mark itself is never believed
 * (checklist A2). What is Kaap's is taken out, the injection is computed anew, and both are compared.
 */

/** Where the ServiceAccount admission plugin mounts the pod's own token, in the agent too when it looks again. */
const serviceAccountMount = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The pod as it would be without what an injection puts in. */
export function withoutInjection(pod: Pod): Pod {
  const { [injected.name]: _, ...annotations } = pod.metadata?.annotations ?? {};
  const spec = { ...pod.spec, containers: pod.spec.containers.map(bareContainer) };
  if (pod.spec.volumes !== undefined) spec.volumes = pod.spec.volumes.filter(({ name }) => !isOurVolume(name));
  if (pod.spec.initContainers !== undefined) {
    spec.initContainers = pod.spec.initContainers.filter(({ name }) => name !== agentName).map(bareContainer);
  }
  return { ...pod, metadata: { ...pod.metadata, annotations }, spec };
}

function isOurVolume(name: string): boolean {
  return Object.values<string>(volumeNames).includes(name);
}

/**
 * Checks that the pod has exactly what it would get now, and gives the patch for containers that came after the
 * injection (another webhook's sidecar): empty when there is none. Throws a {@link Refusal} for any other difference.
 */
export function repairPatch(pod: Pod, mark: string, injection: Injection): PatchOperation[] {
  if (mark !== injection.mark) differs('its mark');
  checkVolumes(pod, injection);
  checkAgent(pod, injection);
  if (injection.supplementalGroup !== undefined) differs('the supplemental group of the pod');
  const consumers = new Map(injection.consumers.map((consumer) => [keyOf(consumer.list, consumer.index), consumer]));
  return containerLists.flatMap((list) => {
    const others = (pod.spec[list] ?? []).flatMap((container, position) =>
      container.name === agentName ? [] : [{ container, position }],
    );
    return others.flatMap(({ container, position }, index) =>
      repairContainer(container, pointer('spec', list, position), consumers.get(keyOf(list, index))),
    );
  });
}

function keyOf(list: ContainerList, index: number): string {
  return `${list}/${index}`;
}

function checkVolumes(pod: Pod, { volumes }: Injection): void {
  const present = (pod.spec.volumes ?? []).filter(({ name }) => isOurVolume(name));
  const same =
    present.length === volumes.length &&
    volumes.every((volume) => present.some((candidate) => isDeepStrictEqual(candidate, volume)));
  if (!same) differs(`the volumes whose names begin with ${reservedPrefix}`);
}

function checkAgent(pod: Pod, { agent, consumers }: Injection): void {
  const init = pod.spec.initContainers ?? [];
  const position = init.findIndex(({ name }) => name === agentName);
  const found = init[position];
  if (found === undefined) return differs(`the container ${agentName}, which it does not have`);
  if (init.filter(({ name }) => name === agentName).length > 1)
    differs(`the container ${agentName}, which it has twice`);
  const expected = comparable(agent);
  for (const [field, value] of Object.entries({ ...expected, ...comparable(found) })) {
    if (!isDeepStrictEqual(value, expected[field])) differs(`the field ${field} of the container ${agentName}`);
  }
  const missing = Object.keys(expected).find((field) => !Object.hasOwn(comparable(found), field));
  if (missing !== undefined) differs(`the field ${missing} of the container ${agentName}`);
  const early = consumers.find(({ list, index }) => list === 'initContainers' && index < position);
  if (early !== undefined) differs(`the order: ${early.container.name} goes before ${agentName}`);
}

/** What must be the same: all but what the API server's own plugins do to every container of every pod. */
function comparable(container: Container): Record<string, unknown> {
  const { resources: _, imagePullPolicy: __, ...rest } = container;
  const mounts = container.volumeMounts?.filter(
    ({ mountPath, readOnly }) => !(mountPath === serviceAccountMount && readOnly === true),
  );
  return { ...rest, volumeMounts: mounts };
}

function repairContainer(container: Container, path: string, consumer: Consumer | undefined): PatchOperation[] {
  const present = partsIn(container);
  if (isDeepStrictEqual(present, partsFor(consumer))) return [];
  const isBare = present.env.length + present.mounts.length === 0 && present.command === undefined;
  if (!isBare || consumer === undefined) return differs(`the secrets of the container ${container.name}`);
  return containerPatch(path, consumer);
}

function differs(what: string): never {
  throw new Refusal(
    `The pod carries the mark ${injected.name}, but is not what Kaap would make of it now; different: ${what}. ` +
      `If it is a copy of another pod, remove the annotation and everything named ${reservedPrefix}*. ` +
      'If another admission webhook changes the container of Kaap, exempt it there.',
  );
}
