import type { PodWishes } from './annotations.ts';
import type { BindingObject } from './directory.ts';
import { matchesSelector } from '../src/api/label-selector.ts';
import { Refusal } from './refusal.ts';

/** Who the pod will be. */
export interface PodIdentity {
  namespace: string;
  serviceAccount: string;
}

/**
 * The bindings that apply to a pod, by name. Those that its annotation names, or else every one whose selector matches
 * its labels. A binding that lists service accounts applies to their pods only. Throws a {@link Refusal} when there is
 * none: the pod asked for secrets.
 */
export function selectBindings(
  wishes: PodWishes,
  labels: Readonly<Record<string, string>>,
  who: PodIdentity,
  available: readonly BindingObject[],
): BindingObject[] {
  const selected =
    wishes.bindings === undefined
      ? available.filter((binding) => matchesSelector(binding.spec.podSelector, labels) && admits(binding, who))
      : wishes.bindings.map((name) => named(name, who, available));
  if (selected.length > 0) return selected.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  throw new Refusal(
    `The pod asks for injection, but no SecretBinding in the namespace ${who.namespace} selects it. ` +
      `Make the labels of the pod match the podSelector of one (for the service account ${who.serviceAccount}), ` +
      'name one in the annotation kaap.dev/bindings, or remove the label kaap.dev/inject.',
  );
}

function named(name: string, who: PodIdentity, available: readonly BindingObject[]): BindingObject {
  const binding = available.find((candidate) => candidate.metadata.name === name);
  if (binding === undefined) {
    throw new Refusal(
      `The annotation kaap.dev/bindings names the SecretBinding ${name}, which does not exist in the namespace ` +
        `${who.namespace}. Create it, or correct the annotation.`,
    );
  }
  if (admits(binding, who)) return binding;
  throw new Refusal(
    `The SecretBinding ${name} is not for pods of the service account ${who.serviceAccount}. ` +
      'Add it to spec.serviceAccounts of the binding, or run the pod as one that is listed.',
  );
}

function admits(binding: BindingObject, who: PodIdentity): boolean {
  const { serviceAccounts } = binding.spec;
  return serviceAccounts === undefined || serviceAccounts.length === 0 || serviceAccounts.includes(who.serviceAccount);
}
