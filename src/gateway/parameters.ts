import { ApiError } from '../lib/errors.ts';
import { formDecode } from '../lib/percent-encoding.ts';

/** Decoded request parameters in the order in which they came. Names are unique. */
export type ParameterMap = ReadonlyMap<string, string>;

/** No action has nearly as many, or as long a name; the value may be as long as the request. */
const maxParameters = 1000;
const maxNameLength = 512;

function malformed(message: string): ApiError {
  return new ApiError('ParseRequestParameterException', message);
}

function decodePart(text: string): string {
  try {
    return formDecode(text);
  } catch {
    throw malformed('A parameter is not percent-encoded UTF-8. Encode names and values as RFC 3986 says.');
  }
}

function shown(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}

function addPart(parameters: Map<string, string>, part: string): void {
  const equals = part.indexOf('=');
  const name = decodePart(equals < 0 ? part : part.slice(0, equals));
  if (name === '' || name.length > maxNameLength) throw malformed('A parameter has an empty or overlong name.');
  if (parameters.has(name)) throw malformed(`The parameter ${shown(name)} is given twice. Give it once.`);
  if (parameters.size >= maxParameters) throw malformed(`There are more than ${maxParameters} parameters.`);
  parameters.set(name, equals < 0 ? '' : decodePart(part.slice(equals + 1)));
}

/**
 * Parses query strings and urlencoded bodies into one set of parameters. A name that comes twice is refused, wherever
 * it stands: a signature covers one value, and nobody may choose which of two is obeyed.
 *
 * @throws ApiError `ParseRequestParameterException`.
 */
export function parseParameters(...sources: readonly string[]): ParameterMap {
  const parameters = new Map<string, string>();
  for (const source of sources) {
    if (source === '') continue;
    for (const part of source.split('&', maxParameters + 2)) {
      if (part !== '') addPart(parameters, part);
    }
  }
  return parameters;
}
