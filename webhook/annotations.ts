import { Refusal } from './refusal.ts';

/** Who may write an annotation or label. */
type Author = 'pod author' | 'webhook';

/** One thing that metadata of a pod can say to Kaap. */
interface AnnotationRow<T> {
  readonly name: string;
  readonly kind: 'annotation' | 'label';
  readonly setBy: Author;
  readonly meaning: string;
  /** Reads the text. Throws a {@link Refusal} that says what is wrong with it. */
  parse(value: string): T;
}

const domain = 'kaap.dev/';
const objectName = /^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/;
const maxBindings = 32;

/**
 * Everything a pod can say. A pod names bindings of its own namespace and nothing else: no address, role, image,
 * command, certificate or account can be set from a pod (checklist A1).
 */
export const inject: AnnotationRow<boolean> = {
  name: 'kaap.dev/inject',
  kind: 'label',
  setBy: 'pod author',
  meaning:
    'Asks for injection. The only value that does is `true`; without this label a pod never reaches the webhook.',
  parse: (value) => {
    if (value === 'true' || value === 'false') return value === 'true';
    throw new Refusal('The label kaap.dev/inject must be "true" or "false".');
  },
};

export const bindings: AnnotationRow<readonly string[]> = {
  name: 'kaap.dev/bindings',
  kind: 'annotation',
  setBy: 'pod author',
  meaning:
    'Names SecretBindings of the namespace of the pod, separated by commas. Without it, every SecretBinding whose podSelector matches applies.',
  parse: (value) => {
    const names = value.split(',').map((entry) => entry.trim());
    const wrong = names.find((name) => name.length > 253 || !objectName.test(name));
    if (wrong !== undefined) {
      throw new Refusal('The annotation kaap.dev/bindings must list names of SecretBindings, separated by commas.');
    }
    if (new Set(names).size !== names.length)
      throw new Refusal('The annotation kaap.dev/bindings names one binding twice.');
    if (names.length > maxBindings) throw new Refusal(`A pod may have at most ${maxBindings} SecretBindings.`);
    return names;
  },
};

export const injected: AnnotationRow<string> = {
  name: 'kaap.dev/injected',
  kind: 'annotation',
  setBy: 'webhook',
  meaning:
    'Marks a pod that was injected, with a hash of what was put in. Never believed: the webhook compares all of it.',
  parse: (value) => value,
};

/** The table, in the order of the reference page. */
export const annotationTable: readonly AnnotationRow<unknown>[] = [inject, bindings, injected];

/** What the metadata of a pod says. */
export interface PodWishes {
  inject: boolean;
  /** Absent: choose by selector. */
  bindings?: readonly string[];
  /** The mark of an earlier injection. */
  injected?: string;
}

interface Metadata {
  labels?: Readonly<Record<string, string>>;
  annotations?: Readonly<Record<string, string>>;
}

/**
 * Reads labels and annotations. Throws a {@link Refusal} for a malformed one and for any other name under `kaap.dev/`:
 * a misspelt wish that is ignored would start a pod without its secrets.
 */
export function readWishes(metadata: Metadata): PodWishes {
  refuseUnknown('annotation', metadata.annotations);
  refuseUnknown('label', metadata.labels);
  const named = read(bindings, metadata);
  const mark = read(injected, metadata);
  return {
    inject: read(inject, metadata) ?? false,
    ...(named === undefined ? {} : { bindings: named }),
    ...(mark === undefined ? {} : { injected: mark }),
  };
}

function read<T>(row: AnnotationRow<T>, metadata: Metadata): T | undefined {
  const values = row.kind === 'label' ? metadata.labels : metadata.annotations;
  const value = values !== undefined && Object.hasOwn(values, row.name) ? values[row.name] : undefined;
  return value === undefined ? undefined : row.parse(value);
}

function refuseUnknown(kind: 'annotation' | 'label', values: Readonly<Record<string, string>> | undefined): void {
  const known = annotationTable.filter((row) => row.kind === kind).map((row) => row.name);
  const unknown = Object.keys(values ?? {}).find((name) => name.startsWith(domain) && !known.includes(name));
  if (unknown === undefined) return;
  throw new Refusal(
    `The pod has the ${kind} ${unknown.slice(0, 100)}, which Kaap does not know. Known: ${known.join(', ')}. ` +
      'What is fetched, from where and as whom is decided by SecretBindings and access points, never by the pod.',
  );
}
