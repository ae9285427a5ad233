import { createHash } from 'node:crypto';
import type { BindingObject } from './directory.ts';
import { wrapperEntryPoint, unwrapped } from './mutate/wrapper.ts';
import type { Container, EnvVar } from './pod.ts';
import { Refusal } from './refusal.ts';

/** A variable of a container, and the value that it gets. */
export interface Variable {
  name: string;
  binding: BindingObject;
  /** Name of a source of the binding. */
  source: string;
  /** JMESPath. */
  field?: string;
  /** Text in the container that stands for the value; absent for a variable that the binding names. */
  reference?: string;
}

/** Variables that the wrapper sets, for the containers that get the same ones. */
export interface Wrapped {
  /** Name of the folder that holds them. */
  folder: string;
  variables: readonly Variable[];
  /** What the container runs. */
  command: readonly string[];
}

/** How the variables of one container get there. */
export interface ContainerVariables {
  /** Through the kubelet's env file. */
  kubelet: readonly Variable[];
  wrapped?: Wrapped;
}

/** Whether the kubelet takes variables from files (`fileKeyRef`). */
export type EnvFileSupport = { supported: true } | { supported: false; version: string };

/** Longest reference, in characters: it has to fit, encoded, into a key of the env file. */
const maxReferenceLength = 90;

const referencePrefix = 'kms:';
const keyPrefix = 'ref.';

/** The variables of a container, of the bindings that are for it. Throws a {@link Refusal}. */
export function variablesFor(
  container: Container,
  bindings: readonly BindingObject[],
  support: EnvFileSupport,
): ContainerVariables {
  const named = bindings.flatMap((binding) => (binding.spec.env ?? []).map((entry) => ({ ...entry, binding })));
  const all = [...named, ...referencesOf(container, bindings)];
  const isWrapped = ({ binding }: Variable): boolean => methodOf(binding, support) === 'Exec';
  const kubelet = all.filter((variable) => !isWrapped(variable));
  const variables = all.filter(isWrapped);
  if (variables.length === 0) return { kubelet };
  const identity = variables.map(({ name, binding, source, field }) => [name, binding.metadata.name, source, field]);
  const folder = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 12);
  return { kubelet, wrapped: { folder, variables, command: commandOf(container, variables, support) } };
}

/** The key of the env file under which the kubelet finds a variable. A reference can be read back from its key. */
export function envFileKey({ name, reference }: Variable): string {
  return reference === undefined ? name : keyPrefix + Buffer.from(reference).toString('base64url');
}

/** The entry as the pod's author wrote it, for one that took its place; undefined for one that a binding added. */
export function originalEntry({ name, valueFrom }: EnvVar): EnvVar | undefined {
  const key = valueFrom?.fileKeyRef?.key ?? '';
  if (!key.startsWith(keyPrefix)) return undefined;
  return { name, value: Buffer.from(key.slice(keyPrefix.length), 'base64url').toString('utf8') };
}

/** Names of variables that look like references, where no binding of the container allows any. */
export function unusedReferences(container: Container, bindings: readonly BindingObject[]): string[] {
  if (bindings.some(allowsReferences)) return [];
  return (container.env ?? [])
    .filter(({ value }) => value?.startsWith(referencePrefix) === true)
    .map(({ name }) => name);
}

function allowsReferences({ spec }: BindingObject): boolean {
  return spec.envReferences === 'SourcesOnly';
}

/**
 * Variables whose value is `kms:NAME` or `kms:NAME#FIELD`. The name must be that of a secret that a binding has as a source:
 * a pod chooses among what its namespace was given, and cannot name anything else (checklist A1).
 */
function referencesOf(container: Container, bindings: readonly BindingObject[]): Variable[] {
  const open = bindings.filter(allowsReferences);
  if (open.length === 0) return [];
  return (container.env ?? []).flatMap(({ name, value }) => {
    if (value?.startsWith(referencePrefix) !== true) return [];
    return [resolved(`The variable ${name} of the container ${container.name}`, name, value, open)];
  });
}

function resolved(what: string, name: string, reference: string, open: readonly BindingObject[]): Variable {
  if (reference.length > maxReferenceLength) {
    throw new Refusal(
      `${what} has a reference of more than ${maxReferenceLength} characters. Use spec.env of a binding.`,
    );
  }
  const [secretName, field] = reference.slice(referencePrefix.length).split(/#(.*)/s);
  const found = open.flatMap((binding) =>
    binding.spec.sources.filter(({ secret }) => secret?.name === secretName).map((source) => ({ binding, source })),
  );
  const current = found.filter(
    ({ source: { secret } }) => secret?.versionId === undefined && secret?.versionStage === undefined,
  );
  const [only, another] = found.length > 1 ? current : found;
  if (only === undefined || another !== undefined) {
    throw new Refusal(
      `${what} refers to the secret ${secretName ?? ''}, which is ${another === undefined ? 'no source' : 'a source twice'} of ` +
        `the SecretBindings that allow references here (${open.map(({ metadata }) => metadata.name).join(', ')}). ` +
        'Add it to spec.sources of one of them, or correct the reference.',
    );
  }
  const { binding, source } = only;
  return { name, binding, source: source.name, ...(field === undefined || field === '' ? {} : { field }), reference };
}

function methodOf({ metadata, spec }: BindingObject, support: EnvFileSupport): 'FileKeyRef' | 'Exec' {
  if (spec.envMethod === 'FileKeyRef' && !support.supported) {
    throw new Refusal(
      `Environment variables from files need Kubernetes 1.35 or newer; this cluster has ${support.version}. Set ` +
        `spec.envMethod of the SecretBinding ${metadata.name} to Auto or Exec, or use spec.files instead of spec.env.`,
    );
  }
  if (spec.envMethod === 'Exec') return 'Exec';
  return support.supported ? 'FileKeyRef' : 'Exec';
}

/** What the container runs: its own command, or what a binding says that its image does. */
function commandOf(container: Container, variables: readonly Variable[], support: EnvFileSupport): readonly string[] {
  if ((container.command ?? []).length > 0) return unwrapped(container.command ?? []) ?? container.command ?? [];
  const bindings = variables.map(({ binding }) => binding);
  const given = bindings.flatMap(({ spec }) => spec.commands ?? []).find((entry) => entry.container === container.name);
  if (given !== undefined) return given.command;
  const why = support.supported ? '' : ` (this cluster has Kubernetes ${support.version}; 1.35 needs no wrapper)`;
  throw new Refusal(
    `The container ${container.name} has no command, and variables of the SecretBinding ${bindings[0]?.metadata.name ?? ''} come ` +
      `through a wrapper around it${why}. Give the container its command, put the entry point of its image into ` +
      `spec.commands of the binding, or use spec.files instead of spec.env.`,
  );
}

/** Refuses references of the kubelet to what the wrapper sets: they would stay as they are, a value mangled. */
export function refuseWrappedExpansion(
  container: Container,
  { variables }: Wrapped,
  referencesIn: (text: string) => string[],
): void {
  const names = variables.map(({ name }) => name);
  const user = container.env?.find(({ value }) => referencesIn(value ?? '').some((name) => names.includes(name)));
  if (user === undefined) return;
  throw new Refusal(
    `The variable ${user.name} of the container ${container.name} refers to a variable that ${wrapperEntryPoint} sets, after ` +
      'the kubelet has looked at references. Make one value of both with a template in a file, or let the program do it.',
  );
}
