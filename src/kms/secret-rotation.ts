import { ApiError } from '../lib/errors.ts';
import type { SecretRecord, SecretRotation } from './records/secret.ts';
import { formatInterval, isoSeconds, parseInterval } from './time-format.ts';

const hourSeconds = 3600;
const minHours = 6;
const maxHours = 8760;
const retryMs = 15 * 60_000;

/** The interval of a parameter in seconds: 6 to 8760 hours. Throws when it is missing or out of bounds. */
export function secretInterval(interval: string | undefined): number {
  if (interval === undefined) {
    throw new ApiError('MissingParameter', 'The parameter RotationInterval is required to rotate automatically.');
  }
  const seconds = parseInterval(interval) ?? 0;
  if (seconds >= minHours * hourSeconds && seconds <= maxHours * hourSeconds) return seconds;
  throw new ApiError('InvalidParameter', `The parameter RotationInterval must be ${minHours} to ${maxHours} hours.`);
}

/** Automatic rotation at every interval from now on. */
export function startRotation(secret: SecretRecord, intervalSeconds: number, now: number): void {
  const { lastTime } = secret.rotation ?? {};
  secret.rotation = {
    enabled: true,
    intervalSeconds,
    nextTime: now + intervalSeconds * 1000,
    ...(lastTime !== undefined && { lastTime }),
  };
}

/** No automatic rotation. When it rotated last is still known. */
export function stopRotation(secret: SecretRecord): void {
  const { lastTime } = secret.rotation ?? {};
  if (lastTime === undefined) delete secret.rotation;
  else secret.rotation = { enabled: false, lastTime };
}

/** Notes a rotation that was done. */
export function noteRotation(secret: SecretRecord, now: number): void {
  const { enabled = false, intervalSeconds } = secret.rotation ?? {};
  secret.rotation =
    enabled && intervalSeconds !== undefined
      ? { enabled, intervalSeconds, nextTime: now + intervalSeconds * 1000, lastTime: now }
      : { enabled: false, lastTime: now };
  secret.updateTime = now;
}

/** Notes a rotation that failed. One that is automatic is tried again in a quarter of an hour. */
export function noteFailure(secret: SecretRecord, now: number): void {
  if (secret.rotation?.enabled !== true) return;
  secret.rotation = { ...secret.rotation, isInvalid: true, nextTime: now + retryMs };
}

/** Whether an automatic rotation is due. */
export function isDue({ rotation, deletion }: SecretRecord, now: number): boolean {
  return deletion === undefined && rotation?.enabled === true && (rotation.nextTime ?? Infinity) <= now;
}

/** The fields of answers that tell about rotation. */
export function rotationFields({ rotation }: Pick<SecretRecord, 'rotation'>): Record<string, string> {
  const { intervalSeconds, nextTime, lastTime } = rotation ?? {};
  const isOn = rotation?.enabled === true;
  return {
    AutomaticRotation: wordOf(rotation),
    LastRotationDate: lastTime === undefined ? '' : isoSeconds(lastTime),
    NextRotationDate: isOn && nextTime !== undefined ? isoSeconds(nextTime) : '',
    RotationInterval: isOn && intervalSeconds !== undefined ? formatInterval(intervalSeconds) : '',
  };
}

function wordOf(rotation: SecretRotation | undefined): string {
  if (rotation?.enabled !== true) return 'Disabled';
  return rotation.isInvalid === true ? 'Invalid' : 'Enabled';
}
