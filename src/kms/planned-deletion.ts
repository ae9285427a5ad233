import type { PlannedDeletion } from './records/key.ts';

const dayMs = 86_400_000;

/** A deletion that is due in that many days, by the wall clock and by the time that the service counts itself. */
export function plannedDeletion(nowMs: number, days: number): PlannedDeletion {
  return { dueTime: nowMs + days * dayMs, remainingMs: days * dayMs };
}
