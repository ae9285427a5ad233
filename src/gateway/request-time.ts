import { ApiError } from '../lib/errors.ts';

/** A request's timestamp may be this far from the server's clock, in either direction (RPC gateway: 15 minutes). */
export const maxSkewMs: number = 15 * 60 * 1000;

const format = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z$/;

/**
 * Parses `yyyy-MM-ddTHH:mm:ssZ`, with fractional seconds or without: some clients of Alibaba send them. Milliseconds
 * since the Unix epoch.
 *
 * @throws ApiError `InvalidTimeStamp.Format`.
 */
export function parseTimestamp(text: string): number {
  const match = format.exec(text);
  const time = match === null ? Number.NaN : Date.parse(`${text.slice(0, 19)}Z`);
  // Date.parse takes 24:00:00 and, in some engines, rolls 31 April over; what it made must read the same.
  if (match === null || Number.isNaN(time) || new Date(time).toISOString().slice(0, 19) !== text.slice(0, 19)) {
    throw new ApiError('InvalidTimeStamp.Format', 'The timestamp must be UTC, written yyyy-MM-ddTHH:mm:ssZ.');
  }
  return time + Math.trunc(Number(`0.${match[7] ?? '0'}`) * 1000);
}
