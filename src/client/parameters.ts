import { percentEncode } from '../lib/percent-encoding.ts';

type Pair = [name: string, value: string];

function scalar(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function listPairs(name: string, list: readonly unknown[]): Pair[] {
  return list.flatMap((item, index): Pair[] => {
    const place = `${name}.${index + 1}`;
    if (item === null || typeof item !== 'object') return [[place, scalar(item)]];
    return Object.entries(item).flatMap(([field, value]): Pair[] =>
      value === undefined ? [] : [[`${place}.${field}`, scalar(value)]],
    );
  });
}

/**
 * Flattens an action's parameters as Alibaba's SDKs do: a list becomes `Tag.1.Key=…`, a map becomes JSON text, a number
 * or boolean its text; `undefined` is left out.
 */
export function flattenParameters(parameters: Readonly<Record<string, unknown>>): Pair[] {
  return Object.entries(parameters).flatMap(([name, value]): Pair[] => {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return listPairs(name, value);
    return [[name, scalar(value)]];
  });
}

/** The parameters as an `application/x-www-form-urlencoded` body: unlike a URL, a body reaches no access log. */
export function formBody(parameters: Readonly<Record<string, unknown>>): string {
  return flattenParameters(parameters)
    .map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`)
    .join('&');
}
