// SPDX-License-Identifier: Apache-2.0
import type { PodSelector, SelectorRequirement } from './v1alpha1/pod-selector.ts';

type Labels = Readonly<Record<string, string>>;

const operators: Readonly<
  Record<SelectorRequirement['operator'], (present: string | undefined, values: readonly string[]) => boolean>
> = {
  In: (present, values) => present !== undefined && values.includes(present),
  NotIn: (present, values) => present === undefined || !values.includes(present),
  Exists: (present) => present !== undefined,
  DoesNotExist: (present) => present === undefined,
};

/** Whether labels meet every part of a selector, as metav1.LabelSelector defines it. An empty selector takes all. */
export function matchesSelector(selector: PodSelector, labels: Labels): boolean {
  const equal = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => valueOf(labels, key) === value);
  return equal && (selector.matchExpressions ?? []).every((requirement) => isMet(requirement, labels));
}

/** An operator that is not known is met by nothing. */
function isMet({ key, operator, values }: SelectorRequirement, labels: Labels): boolean {
  return Object.hasOwn(operators, operator) && operators[operator](valueOf(labels, key), values ?? []);
}

function valueOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/** A selector as people write it: `app=shop, tier in (web, api)`. */
export function selectorText(selector: PodSelector): string {
  const words = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: 'does not exist' };
  const parts = [
    ...Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`),
    ...(selector.matchExpressions ?? []).map(
      ({ key, operator, values }) =>
        `${key} ${words[operator]}${values === undefined ? '' : ` (${values.join(', ')})`}`,
    ),
  ];
  return parts.length === 0 ? 'everything' : parts.join(', ');
}
