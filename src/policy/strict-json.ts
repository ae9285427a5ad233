/** A JSON value whose objects have no prototype, so that a lookup finds members only. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [member: string]: JsonValue;
}

/** JSON that is refused; `path` is the offending element, such as `Statement[1].Condition`, or empty for the whole text. */
export class StrictJsonError extends Error {
  readonly path: string;

  constructor(path: string, message: string) {
    super(message);
    this.name = 'StrictJsonError';
    this.path = path;
  }
}

/** Appends a member or an index to a path: `Statement[1]` and `Effect` give `Statement[1].Effect`. */
export function pathTo(parent: string, step: string | number): string {
  if (typeof step === 'number') return `${parent}[${step}]`;
  return parent === '' ? step : `${parent}.${step}`;
}

const BLANK = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const LITERAL = /true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/** Deepest nesting of arrays and objects. */
const MAX_DEPTH = 12;

/**
 * Parses JSON (RFC 8259) and refuses what parsers disagree about: an object with the same member twice, `__proto__` as a
 * member, nesting deeper than 12.
 *
 * @throws StrictJsonError
 */
export function parseStrictJson(text: string): JsonValue {
  return new StrictJsonParser(text).parse();
}

class StrictJsonParser {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): JsonValue {
    const value = this.#value('', 0);
    this.#skipBlank();
    if (this.#position < this.#text.length) throw this.#syntaxError('');
    return value;
  }

  #value(path: string, depth: number): JsonValue {
    if (depth > MAX_DEPTH) throw new StrictJsonError(path, `nested deeper than ${MAX_DEPTH} levels`);
    this.#skipBlank();
    const first = this.#text[this.#position];
    if (first === '{') return this.#object(path, depth);
    if (first === '[') return this.#array(path, depth);
    if (first === '"') return this.#string(path);
    const literal = this.#take(LITERAL);
    if (literal === undefined) throw this.#syntaxError(path);
    return JSON.parse(literal) as JsonValue;
  }

  #object(path: string, depth: number): JsonObject {
    const members = Object.create(null) as Record<string, JsonValue>;
    this.#position += 1;
    if (this.#takeMark('}')) return members;
    do {
      this.#skipBlank();
      const name = this.#string(path);
      const memberPath = pathTo(path, name);
      if (name === '__proto__') throw new StrictJsonError(memberPath, 'this member name is not allowed');
      if (Object.hasOwn(members, name)) throw new StrictJsonError(memberPath, 'the member occurs twice');
      if (!this.#takeMark(':')) throw this.#syntaxError(memberPath);
      members[name] = this.#value(memberPath, depth + 1);
    } while (this.#takeMark(','));
    if (!this.#takeMark('}')) throw this.#syntaxError(path);
    return members;
  }

  #array(path: string, depth: number): JsonValue[] {
    const items: JsonValue[] = [];
    this.#position += 1;
    if (this.#takeMark(']')) return items;
    do items.push(this.#value(pathTo(path, items.length), depth + 1));
    while (this.#takeMark(','));
    if (!this.#takeMark(']')) throw this.#syntaxError(path);
    return items;
  }

  #string(path: string): string {
    const token = this.#take(STRING);
    if (token === undefined) throw this.#syntaxError(path);
    try {
      return JSON.parse(token) as string;
    } catch {
      this.#position -= token.length;
      throw this.#syntaxError(path);
    }
  }

  #takeMark(mark: string): boolean {
    this.#skipBlank();
    if (this.#text[this.#position] !== mark) return false;
    this.#position += 1;
    return true;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const token = pattern.exec(this.#text)?.[0];
    if (token !== undefined) this.#position += token.length;
    return token;
  }

  #skipBlank(): void {
    this.#take(BLANK);
  }

  #syntaxError(path: string): StrictJsonError {
    return new StrictJsonError(path, `not JSON at character ${this.#position}`);
  }
}
