// SPDX-License-Identifier: Apache-2.0
import type { z } from 'zod';
import { atomicListOf, choice, mapOf, object, optional, setOf, text } from '../crd/fields.ts';
import { constrained, type Rule } from '../crd/rules.ts';

export interface SelectorRequirement {
  key: string;
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  /** Present for In and NotIn only. */
  values?: string[];
}

/** metav1.LabelSelector: every part must match; one without parts matches everything. */
export interface PodSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: SelectorRequirement[];
}

const takesValues = (operator: SelectorRequirement['operator']): boolean => operator === 'In' || operator === 'NotIn';

const valuesRule: Rule<SelectorRequirement> = {
  rule: `(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)`,
  message: 'give values when operator is In or NotIn, and only then',
  holds: (requirement) => takesValues(requirement.operator) === (requirement.values ?? []).length > 0,
};

const labelValue = (): z.ZodType<string> => text('Value of the label.', { max: 63, min: 0 });

const requirement: z.ZodType<SelectorRequirement> = constrained<SelectorRequirement>(
  object('One condition on a label.', {
    key: text('Key of the label.', { max: 317 }),
    operator: choice('How the label is compared.', ['In', 'NotIn', 'Exists', 'DoesNotExist']),
    values: optional(setOf('Values for In and NotIn.', labelValue(), { max: 32 })),
  }),
  [valuesRule],
);

/** The pods of the own namespace that carry the label kaap.dev/inject=true, narrowed by their other labels. */
export const podSelectorSchema: z.ZodType<PodSelector> = object(
  'Which pods of this namespace, by their labels. Only pods with the label kaap.dev/inject: "true" are considered; an empty selector takes all of those.',
  {
    matchLabels: optional(mapOf('Labels that a pod must have.', labelValue(), { max: 32, maxKey: 317 })),
    matchExpressions: optional(atomicListOf('Conditions that a pod must meet, all of them.', requirement, { max: 16 })),
  },
);
