import type { z } from 'zod';
import { ApiError } from '../lib/errors.ts';
import type { AnyAction } from '../ports/action.ts';

type Issue = z.core.$ZodIssue;

/** Name of a parameter as the caller wrote it: `Tag.1.Key`. */
function parameterName(path: readonly PropertyKey[]): string {
  return path.map((part) => (typeof part === 'number' ? part + 1 : String(part))).join('.');
}

function isAbsent(parameters: Record<string, unknown>, path: readonly PropertyKey[]): boolean {
  let value: unknown = parameters;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return false;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value === undefined;
}

/** Messages of schemas speak about shapes and limits, never about the value that came. */
function faultOf(issue: Issue): string {
  if (issue.code === 'unrecognized_keys') return 'has parts that are not known';
  const message = issue.message.slice(0, 500);
  // A schema's own message completes "The parameter X …"; those that come with zod are sentences.
  return /^[A-Z]/.test(message) ? `is not valid. ${message}` : message;
}

function describe(action: AnyAction, parameters: Record<string, unknown>, issue: Issue): ApiError {
  const name = parameterName(issue.path).slice(0, 128);
  if (issue.path.length > 0 && isAbsent(parameters, issue.path)) {
    return new ApiError('MissingParameter', `${action.name} needs the parameter ${name}.`);
  }
  const subject = name === '' ? `The request for ${action.name}` : `The parameter ${name}`;
  return new ApiError('InvalidParameter', `${subject} ${faultOf(issue)}.`.replace(/\.\.$/, '.'));
}

/** Whether the caller only wants to know if the call would work (KMS: DryRun). Throws `InvalidParameter` for other words. */
export function isDryRun({ DryRun: value }: Record<string, unknown>): boolean {
  if (value === undefined || value === '') return false;
  const text = typeof value === 'string' ? value.toLowerCase() : '';
  if (text === 'true' || text === 'false') return text === 'true';
  throw new ApiError('InvalidParameter', 'The parameter DryRun is not valid. Write true or false.');
}

/**
 * Decodes an action's parameters with its schema.
 *
 * @throws ApiError `MissingParameter`, `InvalidParameter`, and whatever ApiError the schema itself throws.
 */
export function decodeInput(action: AnyAction, parameters: Record<string, unknown>): unknown {
  const result = action.input.safeParse(parameters);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue === undefined) throw new ApiError('InvalidParameter', `The parameters of ${action.name} are not valid.`);
  throw describe(action, parameters, issue);
}
