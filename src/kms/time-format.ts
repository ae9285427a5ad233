const unitSeconds: Readonly<Record<string, number>> = { d: 86_400, h: 3600, m: 60, s: 1 };

/** A time as the API writes it: UTC, seconds, `2026-01-31T23:59:59Z`. */
export function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** Reads an interval such as `365d`, `12h`, `7m`, `604800s` as seconds; `undefined` for anything else. */
export function parseInterval(text: string): number | undefined {
  const match = /^(\d{1,9})([dhms])$/.exec(text);
  return match === null ? undefined : Number(match[1]) * (unitSeconds[match[2] ?? ''] ?? 0);
}

/** An interval as the API returns it: `31536000s`. */
export function formatInterval(seconds: number): string {
  return `${seconds}s`;
}
