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
  // Requests of the same second carry the same text.
  if (text !== latest.text) latest = { text, time: timeOf(text) };
  return latest.time;
}

let latest = { text: '', time: Number.NaN };

function timeOf(text: string): number {
  const match = format.exec(text);
  const [, year, month, day, hour, minute, second, fraction = '0'] = match ?? [];
  const fields = [Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)] as const;
  const time = Date.UTC(...fields);
  // What rolls over, such as 31 April or 24:00:00, is not the day or the hour that was written.
  const date = new Date(time);
  const same = date.getUTCMonth() === fields[1] && date.getUTCHours() === fields[3] && fields[4] < 60 && fields[5] < 60;
  if (match === null || !same || date.getUTCFullYear() !== fields[0]) {
    throw new ApiError('InvalidTimeStamp.Format', 'The timestamp must be UTC, written yyyy-MM-ddTHH:mm:ssZ.');
  }
  return time + Math.trunc(Number(`0.${fraction}`) * 1000);
}
