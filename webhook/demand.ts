import { createHash } from 'node:crypto';
import type { Access } from './access.ts';
import { envNamePattern } from './agent/agent-config.ts';
import { parseTemplate, TemplateError, templateSources } from '../src/api/file-template.ts';
import type { FileDelivery } from '../src/api/v1alpha1/secret-binding.ts';
import type { BindingObject } from './directory.ts';
import { temporaryPrefix } from './layout.ts';
import { endpointGrant, type EndpointGrant } from './local-endpoint.ts';
import { containerLists, type Container, type ContainerList, type Pod } from './pod.ts';
import { Refusal } from './refusal.ts';
import { variablesFor, type ContainerVariables, type EnvFileSupport } from './variables.ts';

/** A binding that applies to the pod, with the identity to use for it. */
export interface BoundAccess {
  binding: BindingObject;
  access: Access;
}

/** Files of one or more bindings, as one folder of the volume, mounted at one place. */
export interface FileGroup {
  /** Name of the folder. */
  folder: string;
  mountPath: string;
  bindings: readonly BindingObject[];
}

/** What one container of the pod gets. */
export interface Consumer {
  list: ContainerList;
  /** Position in that list of the pod as it came. */
  index: number;
  container: Container;
  variables: ContainerVariables;
  groups: readonly FileGroup[];
  /** What it may ask the local endpoint for. */
  endpoint?: EndpointGrant;
}

/**
 * What each container of the pod gets: containers without anything are left out. Throws a {@link Refusal} for what
 * cannot be: an unknown container, a variable that two bindings set, files in each other's place.
 */
export function demandsOf(pod: Pod, bound: readonly BoundAccess[], support: EnvFileSupport): Consumer[] {
  for (const { binding } of bound) checkBinding(binding, pod);
  checkEnvTwice(bound);
  const groupsFor = remembered(groupsOf);
  return containerLists.flatMap((list) =>
    (pod.spec[list] ?? []).flatMap((container, index) => {
      const mine = bound.map(({ binding }) => binding).filter((binding) => isFor(binding, container));
      const variables = variablesFor(container, mine, support);
      const groups = groupsFor(mine.filter((binding) => (binding.spec.files ?? []).length > 0));
      const endpoint = endpointGrant(mine);
      const isWritten = variables.kubelet.length + groups.length > 0 || variables.wrapped !== undefined;
      if (!isWritten && endpoint === undefined) return [];
      return [{ list, index, container, variables, groups, ...(endpoint === undefined ? {} : { endpoint }) }];
    }),
  );
}

/** Whether a binding is for a container. */
export function isFor(binding: BindingObject, container: Container): boolean {
  return binding.spec.containers === undefined || binding.spec.containers.includes(container.name);
}

/** Containers mostly get the same bindings: what follows from those is computed once. */
function remembered(groups: (bindings: readonly BindingObject[]) => FileGroup[]): typeof groups {
  const known = new Map<string, FileGroup[]>();
  return (bindings) => {
    const key = bindings.map(({ metadata }) => metadata.name).join(',');
    const result = known.get(key) ?? groups(bindings);
    known.set(key, result);
    return result;
  };
}

/** Bindings with the same mountPath share a folder: a place in a container can be mounted once. */
function groupsOf(bindings: readonly BindingObject[]): FileGroup[] {
  const byPath = Map.groupBy(bindings, (binding) => binding.spec.mountPath);
  return [...byPath].map(([mountPath, members]) => {
    checkPaths(members);
    const identity = JSON.stringify([mountPath, members.map((member) => member.metadata.name)]);
    const folder = createHash('sha256').update(identity).digest('hex').slice(0, 12);
    return { folder, mountPath, bindings: members };
  });
}

function checkBinding(binding: BindingObject, pod: Pod): void {
  const { sources, env = [], files = [], containers, mountPath, localEndpoint } = binding.spec;
  const fail = (problem: string): never => {
    throw new Refusal(`The SecretBinding ${binding.metadata.name} ${problem}`);
  };
  const used = [...env.map(({ source }) => source), ...files.flatMap((file) => sourcesOf(file, fail))];
  const stray = used.find((name) => !sources.some((source) => source.name === name));
  if (stray !== undefined) fail(`uses the source ${stray}, which is not among its spec.sources.`);
  const vague = sources.find((source) => (source.secret === undefined) === (source.decrypt === undefined));
  if (vague !== undefined) fail(`must give its source ${vague.name} either secret or decrypt.`);
  const isAsked = binding.spec.envReferences === 'SourcesOnly' || localEndpoint !== undefined;
  if (env.length + files.length === 0 && !isAsked) fail('delivers nothing. Give it spec.env or spec.files.');
  const badName = env.find(({ name }) => !envNamePattern.test(name));
  if (badName !== undefined) fail('has a variable in spec.env whose name is not letters, digits, "_", "." and "-".');
  if (!isMountable(mountPath)) fail('must have an absolute spec.mountPath without "..", ":" and a "/" at its end.');
  const names = new Set(containerLists.flatMap((list) => (pod.spec[list] ?? []).map(({ name }) => name)));
  const missing = containers?.find((name) => !names.has(name));
  if (missing !== undefined) fail(`is for the container ${missing}, which the pod does not have.`);
  for (const file of files) checkFile(file, fail);
}

/** Names of the sources that a file is made of. */
function sourcesOf({ path, source, template }: FileDelivery, fail: (problem: string) => never): string[] {
  if ((source === undefined) === (template === undefined))
    fail(`must give its file ${path} either source or template.`);
  try {
    return source === undefined ? templateSources(parseTemplate(template ?? '')) : [source];
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    return fail(`has a template for the file ${path} that ${error.message}`);
  }
}

function isMountable(path: string): boolean {
  return /^(?:\/[^/:\0]+)+$/.test(path) && !path.split('/').some((part) => part === '.' || part === '..');
}

function checkFile(file: FileDelivery, fail: (problem: string) => never): void {
  const parts = file.path.split('/');
  const wrong = parts.some((part) => part === '' || part === '.' || part === '..' || part.startsWith(temporaryPrefix));
  if (wrong || file.path.includes('\0') || file.path.length > 1024) {
    fail(
      `must give its files paths relative to mountPath, without "..", empty parts and names beginning with ${temporaryPrefix}`,
    );
  }
  if (!/^0[0-7]{3}$/.test(file.mode)) fail('must give modes of files as octal text, such as "0444".');
}

function checkEnvTwice(bound: readonly BoundAccess[]): void {
  const owners = new Map<string, string>();
  for (const { binding } of bound) {
    for (const { name } of binding.spec.env ?? []) {
      const other = owners.get(name);
      if (other !== undefined) {
        throw new Refusal(
          `The environment variable ${name} is set twice: by the SecretBindings ${other} and ${binding.metadata.name}. ` +
            'Rename it in one of them, or bind the pod to one only (annotation kaap.dev/bindings).',
        );
      }
      owners.set(name, binding.metadata.name);
    }
  }
}

/** No two files at one place, and no file where another needs a folder. */
function checkPaths(bindings: readonly BindingObject[]): void {
  const files = new Map<string, string>();
  const folders = new Map<string, string>();
  for (const { metadata, spec } of bindings) {
    for (const { path } of spec.files ?? []) {
      const parents = foldersOf(path);
      const other = files.get(path) ?? folders.get(path) ?? parents.map((folder) => files.get(folder)).find(Boolean);
      if (other !== undefined) {
        throw new Refusal(
          `The file ${path} of the SecretBinding ${metadata.name} and a file of ${other} are in each other's place. ` +
            'Give one of them another path, or one of the bindings another mountPath.',
        );
      }
      files.set(path, metadata.name);
      for (const folder of parents) folders.set(folder, metadata.name);
    }
  }
}

/** `a/b/c` is in `a` and `a/b`. */
function foldersOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}
