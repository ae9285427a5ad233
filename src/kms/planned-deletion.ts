import type { z } from 'zod';
import { flag, integer, withDefault } from './parameters.ts';
import type { PlannedDeletion } from './records/key.ts';

const dayMs = 86_400_000;

/** A deletion that is due in that many days, by the wall clock and by the time that the service counts itself. */
export function plannedDeletion(nowMs: number, days: number): PlannedDeletion {
  return { dueTime: nowMs + days * dayMs, remainingMs: days * dayMs };
}

/** The two parameters that say how something is deleted: 7 to 30 days from now, or at once (KMS DeleteSecret). */
export function recoveryParameters(): {
  ForceDeleteWithoutRecovery: z.ZodType<boolean>;
  RecoveryWindowInDays: z.ZodType<number>;
} {
  return {
    ForceDeleteWithoutRecovery: withDefault(flag(), false),
    RecoveryWindowInDays: withDefault(integer(7, 30), 30),
  };
}
