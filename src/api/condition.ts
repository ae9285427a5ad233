// SPDX-License-Identifier: Apache-2.0
import type { z } from 'zod';
import { choice, integer, mapListOf, object, optional, text, timestamp } from './crd/fields.ts';

/** metav1.Condition: one aspect of an object's state, told apart from others by its `type`. */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  /** Stable PascalCase word for programs. */
  reason: string;
  /** A sentence for people: what is the case, and what to do next. */
  message: string;
  /** The generation of the spec that the condition is about. */
  observedGeneration?: number;
  /** RFC 3339, when `status` last changed. */
  lastTransitionTime: string;
}

/** The condition that every kind has: everything the spec asks for is in place. */
export const readyType = 'Ready';

/** The reason of a `Ready` condition that is `True`. */
export const readyReason = 'Ready';

/** What every status holds. */
export interface CommonStatus {
  /** The generation of the spec that this status is about. */
  observedGeneration?: number;
  conditions?: Condition[];
}

/** The condition of that type, when there is one. */
export function findCondition(status: CommonStatus | undefined, type: string): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** Whether the object is ready as its spec is now, not as it was before the last change. */
export function isReady(subject: { metadata: { generation?: number }; status?: CommonStatus }): boolean {
  const condition = findCondition(subject.status, readyType);
  if (condition?.status !== 'True') return false;
  return condition.observedGeneration === undefined || condition.observedGeneration === subject.metadata.generation;
}

const conditionSchema: z.ZodType<Condition> = object('One aspect of the state of the object.', {
  type: text('What the condition is about, such as Ready.', { max: 316 }),
  status: choice('Whether it is so.', ['True', 'False', 'Unknown']),
  reason: text('Why, as one word for programs.', { max: 1024 }),
  message: text('Why, as a sentence for people, with what to do next.', { max: 32_768, min: 0 }),
  observedGeneration: optional(
    integer('The metadata.generation of the object that the condition is about.', 0, Number.MAX_SAFE_INTEGER),
  ),
  lastTransitionTime: timestamp('When the status of the condition last changed.'),
});

interface CommonStatusShape {
  observedGeneration: z.ZodExactOptional<z.ZodType<number>>;
  conditions: z.ZodExactOptional<z.ZodType<Condition[]>>;
}

/** The fields of {@link CommonStatus}, for the status schema of a kind. */
export const commonStatus: CommonStatusShape = {
  observedGeneration: optional(
    integer('The metadata.generation of the object that this status is about.', 0, Number.MAX_SAFE_INTEGER),
  ),
  conditions: optional(
    mapListOf('State of the object. Ready says whether everything that spec asks for is in place.', conditionSchema, {
      max: 16,
      keys: ['type'],
    }),
  ),
};
