import type { Consumer } from '../demand.ts';
import { appendAll, insertAll, type PatchOperation } from '../json-patch.ts';
import { volumeNames } from '../layout.ts';
import { endpointMounts } from '../local-endpoint.ts';
import type { Container, EnvVar, VolumeMount } from '../pod.ts';
import { originalEntry } from '../variables.ts';
import { injectedEnv } from './env.ts';
import { injectedMounts } from './files.ts';
import { unwrapped, wrappedCommand, wrapperMount } from './wrapper.ts';

/** What of a container is Kaap's. */
export interface ContainerParts {
  env: readonly EnvVar[];
  mounts: readonly VolumeMount[];
  /** Present when the command is wrapped. */
  command?: readonly string[];
}

/** What a container gets. */
export function partsFor(consumer: Consumer | undefined): ContainerParts {
  if (consumer === undefined) return { env: [], mounts: [] };
  const { variables, groups, endpoint } = consumer;
  const { wrapped } = variables;
  const mounts = [...injectedMounts(groups), ...endpointMounts(endpoint)];
  const env = injectedEnv(variables.kubelet);
  if (wrapped === undefined) return { env, mounts };
  return { env, mounts: [...mounts, wrapperMount(wrapped)], command: wrappedCommand(wrapped) };
}

/** What of a container is Kaap's already. */
export function partsIn({ env, volumeMounts, command }: Container): ContainerParts {
  const isWrapped = command !== undefined && unwrapped(command) !== undefined;
  return {
    env: (env ?? []).filter(isOurEnv),
    mounts: (volumeMounts ?? []).filter(isOurMount),
    ...(isWrapped ? { command } : {}),
  };
}

/** The container as its author wrote it. */
export function bareContainer(container: Container): Container {
  const rest = { ...container };
  if (container.env !== undefined) {
    rest.env = container.env.flatMap((entry) => (isOurEnv(entry) ? (originalEntry(entry) ?? []) : entry));
  }
  if (container.volumeMounts !== undefined) rest.volumeMounts = container.volumeMounts.filter((m) => !isOurMount(m));
  const command = unwrapped(container.command ?? []);
  if (command !== undefined) rest.command = command;
  return rest;
}

/** Puts the parts into a container that has none of them: `path` is its place in the pod. */
export function containerPatch(path: string, { container, ...consumer }: Consumer): PatchOperation[] {
  const { env, mounts, command } = partsFor({ container, ...consumer });
  const references = new Set(consumer.variables.kubelet.filter(({ reference }) => reference !== undefined));
  const replaced = injectedEnv([...references]);
  const added = env.slice(0, env.length - replaced.length);
  return [
    ...replaced.map((entry): PatchOperation => {
      const index = container.env?.findIndex(({ name }) => name === entry.name) ?? 0;
      return { op: 'replace', path: `${path}/env/${index}`, value: entry };
    }),
    ...insertAll(`${path}/env`, container.env, added),
    ...appendAll(`${path}/volumeMounts`, container.volumeMounts, mounts),
    ...(command === undefined ? [] : [{ op: 'add' as const, path: `${path}/command`, value: command }]),
  ];
}

function isOurEnv(entry: EnvVar): boolean {
  return entry.valueFrom?.fileKeyRef?.volumeName === volumeNames.env;
}

function isOurMount(mount: VolumeMount): boolean {
  const shared: readonly string[] = [volumeNames.files, volumeNames.exec, volumeNames.endpoint];
  return shared.includes(mount.name);
}
