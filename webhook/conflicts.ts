import type { Consumer } from './demand.ts';
import { endpointTokenPath, execPlaces, reservedPrefix } from './layout.ts';
import { containerLists, type Container, type Pod } from './pod.ts';
import { Refusal } from './refusal.ts';
import { refuseWrappedExpansion } from './variables.ts';

/**
 * Refuses a pod that brings something under a name of Kaap's (checklist A2): a volume of its own behind such a name
 * would receive the secrets, and a container of its own would pass for the agent.
 */
export function refuseReserved(pod: Pod): void {
  const volume = pod.spec.volumes?.find(({ name }) => isReserved(name));
  if (volume !== undefined) refuse(`the volume ${volume.name}`);
  for (const container of allContainers(pod)) {
    if (isReserved(container.name)) refuse(`the container ${container.name}`);
    const mount = container.volumeMounts?.find(({ name }) => isReserved(name));
    if (mount !== undefined) refuse(`a mount of ${mount.name} in the container ${container.name}`);
    const variable = container.env?.find((entry) => isReserved(entry.valueFrom?.fileKeyRef?.volumeName));
    if (variable !== undefined) refuse(`the variable ${variable.name} from a volume of Kaap in ${container.name}`);
  }
}

function isReserved(name: unknown): boolean {
  return typeof name === 'string' && name.startsWith(reservedPrefix);
}

function refuse(what: string): never {
  throw new Refusal(
    `The pod brings ${what}. Names that begin with "${reservedPrefix}" are Kaap's; rename or remove it.`,
  );
}

function allContainers(pod: Pod): Container[] {
  return containerLists.flatMap((list) => pod.spec[list] ?? []);
}

/** Refuses what a container already has in the place of what it would get. */
export function refuseConflicts(consumers: readonly Consumer[]): void {
  for (const consumer of consumers) {
    refuseEnvConflict(consumer);
    refuseExpansion(consumer);
    if (consumer.variables.wrapped !== undefined) {
      refuseWrappedExpansion(consumer.container, consumer.variables.wrapped, referencesIn);
    }
    refuseMountConflict(consumer);
  }
}

/** Names of the variables that a container gets, and of those alone that its author did not write. */
function namesOf({ variables }: Consumer): { all: string[]; added: string[] } {
  const all = [...variables.kubelet, ...(variables.wrapped?.variables ?? [])];
  const added = all.filter(({ reference }) => reference === undefined);
  return { all: all.map(({ name }) => name), added: added.map(({ name }) => name) };
}

function refuseEnvConflict(consumer: Consumer): void {
  const { container } = consumer;
  const env = namesOf(consumer).added;
  const taken = container.env?.find(({ name }) => env.includes(name));
  if (taken === undefined) return;
  throw new Refusal(
    `The container ${container.name} sets the environment variable ${taken.name} itself, and a SecretBinding sets it too. ` +
      'Remove it from one of them.',
  );
}

/** A secret on a command line is readable by every process that sees /proc (checklist A8). */
function refuseExpansion(consumer: Consumer): void {
  const { container } = consumer;
  const env = namesOf(consumer).all;
  const used = [...(container.command ?? []), ...(container.args ?? [])].flatMap(referencesIn);
  const secret = used.find((name) => env.includes(name));
  if (secret === undefined) return;
  throw new Refusal(
    `The container ${container.name} has $(${secret}) in its command or args, which would put a secret on its command ` +
      'line. Let the program read the environment variable, or deliver the secret as a file.',
  );
}

/** Names that the kubelet would expand in a text: `$(NAME)`, where `$$` stands for a dollar sign. */
export function referencesIn(text: string): string[] {
  const names: string[] = [];
  for (const match of text.matchAll(/\$(?:\$|\(([^)]*)\))/g)) {
    if (match[1] !== undefined) names.push(match[1]);
  }
  return names;
}

function refuseMountConflict({ container, groups, variables, endpoint }: Consumer): void {
  const places = groups.map(({ mountPath }) => mountPath);
  if (variables.wrapped !== undefined) places.push(execPlaces.mountPath);
  if (endpoint !== undefined) places.push(endpointTokenPath);
  for (const [index, place] of places.entries()) {
    const other = container.volumeMounts?.find(({ mountPath }) => covers(place, mountPath))?.mountPath;
    const nested = places.find((candidate, at) => at !== index && covers(place, candidate));
    const clash = other ?? nested;
    if (clash === undefined) continue;
    throw new Refusal(
      `The container ${container.name} has a mount at ${clash}, which is at or under ${place}, where the files of a ` +
        'SecretBinding go. Change spec.mountPath of the binding, or the mount.',
    );
  }
}

/** Whether `path` is `place` or under it. */
function covers(place: string, path: string): boolean {
  const normal = path.replaceAll(/\/+/g, '/').replace(/\/$/, '');
  return normal === place || normal.startsWith(`${place}/`);
}
