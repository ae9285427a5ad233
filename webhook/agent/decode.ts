/** Turns a parsed JSON value at `path` into a T, or throws a {@link DecodeError} that names the path. */
export type Decoder<T> = (value: unknown, path: string) => T;

/** What is wrong, and where. Never holds the value itself. */
export class DecodeError extends Error {
  constructor(path: string, problem: string) {
    super(`${path === '' ? 'the document' : path} ${problem}`);
    this.name = 'DecodeError';
  }
}

/** A string; of the given form when a pattern is given. */
export function text(pattern?: RegExp): Decoder<string> {
  return (value, path) => {
    if (typeof value !== 'string') throw new DecodeError(path, 'must be a string');
    if (pattern !== undefined && !pattern.test(value)) throw new DecodeError(path, `must match ${pattern.source}`);
    return value;
  };
}

/** An integer between two bounds, both included. */
export function integer(min: number, max: number): Decoder<number> {
  return (value, path) => {
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
    throw new DecodeError(path, `must be an integer from ${min} to ${max}`);
  };
}

/** Exactly this value. */
export function literal<const T extends string | number | boolean>(expected: T): Decoder<T> {
  return (value, path) => {
    if (value !== expected) throw new DecodeError(path, `must be ${JSON.stringify(expected)}`);
    return expected;
  };
}

/** An array of at most `max` items. */
export function list<T>(item: Decoder<T>, max: number): Decoder<T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw new DecodeError(path, 'must be an array');
    if (value.length > max) throw new DecodeError(path, `must have at most ${max} items`);
    return value.map((entry, index) => item(entry, `${path}[${index}]`));
  };
}

/** An object with any keys and string values. */
export const textMap: Decoder<Record<string, string>> = (value, path) => {
  const entries = Object.entries(plainObject(value, path));
  return Object.fromEntries(entries.map(([key, entry]) => [key, text()(entry, `${path}.${key}`)]));
};

/** A field of an object that may be absent. */
export interface Optional<T> {
  optional: Decoder<T>;
}

/** Marks a field of {@link object} that may be absent. */
export function optional<T>(decoder: Decoder<T>): Optional<T> {
  return { optional: decoder };
}

type Fields<T> = { [K in keyof T]-?: undefined extends T[K] ? Optional<NonNullable<T[K]>> : Decoder<T[K]> };

/** An object with exactly these fields; anything else in it is an error. */
export function object<T extends object>(fields: Fields<T>): Decoder<T> {
  const rows = Object.entries<Decoder<unknown> | Optional<unknown>>(fields);
  return (value, path) => {
    const source = plainObject(value, path);
    const unknown = Object.keys(source).find((key) => !Object.hasOwn(fields, key));
    if (unknown !== undefined) throw new DecodeError(path, `has the unknown field ${JSON.stringify(unknown)}`);
    const decoded: Record<string, unknown> = {};
    for (const [key, field] of rows) {
      const at = path === '' ? key : `${path}.${key}`;
      if (Object.hasOwn(source, key)) decoded[key] = decoderOf(field)(source[key], at);
      else if (typeof field === 'function') throw new DecodeError(at, 'is missing');
    }
    return decoded as T;
  };
}

function decoderOf(field: Decoder<unknown> | Optional<unknown>): Decoder<unknown> {
  return typeof field === 'function' ? field : field.optional;
}

function plainObject(value: unknown, path: string): Record<string, unknown> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new DecodeError(path, 'must be an object');
  }
  return value as Record<string, unknown>;
}
