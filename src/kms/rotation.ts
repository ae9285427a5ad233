import type { z } from 'zod';
import { ApiError } from '../lib/errors.ts';
import { text } from './parameters.ts';
import type { KeyRecord } from './records/key.ts';
import { parseInterval } from './time-format.ts';

const daySeconds = 86_400;
const minDays = 7;

/** `RotationInterval`: `<number>[d|h|m|s]`. */
export function intervalText(): z.ZodType<string> {
  const allowed = 'a number with the unit d, h, m or s, such as 365d';
  return text({ max: 16, pattern: /^\d{1,9}[dhms]$/, allowed });
}

/**
 * The rotation that the two parameters ask for; `undefined` when it is off. The interval is 7 days to `maxDays` (365
 * for CreateKey, 730 for UpdateRotationPolicy).
 */
export function rotationOf(enabled: boolean, interval: string | undefined, maxDays: number): KeyRecord['rotation'] {
  if (!enabled) return undefined;
  if (interval === undefined) {
    throw new ApiError('MissingParameter', 'The parameter RotationInterval is required to rotate automatically.');
  }
  const intervalSeconds = parseInterval(interval) ?? 0;
  if (intervalSeconds < minDays * daySeconds || intervalSeconds > maxDays * daySeconds) {
    throw new ApiError('InvalidParameter', `The parameter RotationInterval must be ${minDays} to ${maxDays} days.`);
  }
  return { enabled, intervalSeconds };
}
