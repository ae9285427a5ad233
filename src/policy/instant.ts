const INSTANT =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(Z|[+-][0-9]{2}:[0-9]{2})$/;

/**
 * Milliseconds since the Unix epoch of an ISO 8601 time with a zone (`2026-01-31T12:00:00Z`, `…T20:00+08:00`). Seconds may be
 * missing; digits after milliseconds are cut. `undefined` for a time without zone, a day that does not exist, and a leap second,
 * which the epoch cannot express.
 */
export function parseInstant(text: string): number | undefined {
  const match = INSTANT.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second = '0', fraction = '0', zone = 'Z'] = match;
  const local = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
    Number(fraction.padEnd(3, '0').slice(0, 3)),
  );
  const shown = new Date(local);
  // Date.UTC rolls over: 31 April would become 1 May, and 23:59:60 the next day.
  const plain =
    shown.getUTCMonth() === Number(month) - 1 &&
    shown.getUTCDate() === Number(day) &&
    shown.getUTCHours() === Number(hour) &&
    shown.getUTCMinutes() === Number(minute) &&
    shown.getUTCSeconds() === Number(second);
  const offsetMinutes = zone === 'Z' ? 0 : zoneMinutes(zone);
  return plain && offsetMinutes !== undefined && Number(year) >= 100 ? local - offsetMinutes * 60_000 : undefined;
}

function zoneMinutes(zone: string): number | undefined {
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4, 6));
  if (hours > 14 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}
