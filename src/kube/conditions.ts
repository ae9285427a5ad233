import type { Condition } from '../api/condition.ts';
import type { Clock } from '../lib/clock.ts';

export type { Condition } from '../api/condition.ts';

/** A condition as a reconciler states it. */
export type NewCondition = Omit<Condition, 'lastTransitionTime'>;

/** The API server's limit for a condition's message, in characters. */
const maxMessageLength = 32_768;

/**
 * Gives `conditions` with `condition` set. `lastTransitionTime` moves only when the status changes, not with reason or
 * message; an unchanged condition gives an equal list, so that applying it again writes nothing. The input is not changed.
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  condition: NewCondition,
  clock: Pick<Clock, 'now'>,
): Condition[] {
  const list = conditions ?? [];
  const previous = list.find(({ type }) => type === condition.type);
  const kept = previous?.status === condition.status ? previous.lastTransitionTime : rfc3339Seconds(clock.now());
  const next: Condition = {
    ...condition,
    message: condition.message.slice(0, maxMessageLength),
    lastTransitionTime: kept,
  };
  return previous === undefined ? [...list, next] : list.map((old) => (old === previous ? next : old));
}

/** The condition of a type, if it was ever set. */
export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** Whether the condition of a type is `True` for this generation or, without one, at all. */
export function isConditionTrue(
  conditions: readonly Condition[] | undefined,
  type: string,
  generation?: number,
): boolean {
  const condition = findCondition(conditions, type);
  if (condition?.status !== 'True') return false;
  return generation === undefined || condition.observedGeneration === generation;
}

/** metav1.Time: RFC 3339 in UTC, whole seconds. */
export function rfc3339Seconds(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** metav1.MicroTime: RFC 3339 in UTC with microseconds. */
export function rfc3339Micros(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z');
}
