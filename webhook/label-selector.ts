import type { PodSelector } from '../src/api/v1alpha1/pod-selector.ts';

type Labels = Readonly<Record<string, string>>;

/** What each operator of metav1.LabelSelectorRequirement asks of a label's value; absent labels are `undefined`. */
const operators: Readonly<Record<string, (value: string | undefined, values: readonly string[]) => boolean>> = {
  In: (value, values) => value !== undefined && values.includes(value),
  NotIn: (value, values) => value === undefined || !values.includes(value),
  Exists: (value) => value !== undefined,
  DoesNotExist: (value) => value === undefined,
};

/** Whether the labels fulfil every requirement. An empty selector matches everything, as everywhere in Kubernetes. */
export function matchesSelector(selector: PodSelector, labels: Labels): boolean {
  const exact = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labelOf(labels, key) === value);
  return exact && (selector.matchExpressions ?? []).every((requirement) => fulfils(requirement, labels));
}

/** An operator that is not known matches nothing. */
function fulfils(requirement: NonNullable<PodSelector['matchExpressions']>[number], labels: Labels): boolean {
  const operator = Object.hasOwn(operators, requirement.operator) ? operators[requirement.operator] : undefined;
  return operator?.(labelOf(labels, requirement.key), requirement.values ?? []) ?? false;
}

function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
