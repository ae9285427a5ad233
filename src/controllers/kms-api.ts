import { isDeepStrictEqual } from 'node:util';
import { KmsClientError } from '../client/kms-client-error.ts';
import type { Violation } from './check.ts';

/** What controllers need of the KMS: its public API, by action name. Parameters and answers are those of the API. */
export interface KmsApi {
  call(action: string, parameters: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<KmsAnswer>;
}

/** The fields of an answer. Each reader narrows what it takes. */
export type KmsAnswer = Readonly<Record<string, unknown>>;

/** Codes that say "no such thing". */
const notFoundCodes: ReadonlySet<string> = new Set([
  'Forbidden.KeyNotFound',
  'Forbidden.AliasNotFound',
  'Forbidden.ResourceNotFound',
]);

/** RAM says what there is not: `EntityNotExist.User`, `.Role`, `.Policy`. */
const isNotFound = (code: string): boolean => notFoundCodes.has(code) || code.startsWith('EntityNotExist.');

/** Calls, and gives `undefined` where the answer is "not found". */
export async function find(
  kms: KmsApi,
  action: string,
  parameters: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<KmsAnswer | undefined> {
  try {
    return await kms.call(action, parameters, signal);
  } catch (error) {
    if (error instanceof KmsClientError && isNotFound(error.code)) return undefined;
    throw error;
  }
}

/** Deletes; done already counts as done. */
export async function remove(
  kms: KmsApi,
  action: string,
  parameters: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<void> {
  await find(kms, action, parameters, signal);
}

/** The reason of a condition while the KMS does not answer. */
export const outageReason = 'KmsUnavailable';

/** How long until a call that KMS refused is tried again without a change of the object. */
const refusedRequeueMs = 60_000;

/**
 * What a failed call means for the object. `undefined` for errors that are not the KMS's.
 *
 * An outage is told apart from a refusal: the first heals by itself and is retried soon, the second needs a change.
 */
export function violationOf(error: unknown): Violation | undefined {
  if (!(error instanceof KmsClientError)) return undefined;
  if (error.retryable) {
    return {
      reason: outageReason,
      message: `The KMS does not answer (${error.code}). What was there before stays as it is; the operator tries again by itself.`,
    };
  }
  if (error.code === 'Forbidden.NoPermission' || error.code === 'NoPermission') {
    return {
      reason: 'OperatorNotPermitted',
      message: `The KMS refused the operator: ${error.message}`,
      requeueAfterMs: refusedRequeueMs,
    };
  }
  return { reason: 'RefusedByKms', message: `${error.code}: ${error.message}`, requeueAfterMs: refusedRequeueMs };
}

/** A text field of an answer, empty when it is absent. */
export function text(answer: KmsAnswer, field: string): string {
  const value = answer[field];
  return typeof value === 'string' ? value : '';
}

/** A field that the API gives as JSON text or as a list, as a list of strings. */
export function list(answer: KmsAnswer, field: string): readonly string[] {
  const value = answer[field];
  const parsed: unknown = typeof value === 'string' && value !== '' ? JSON.parse(value) : value;
  return Array.isArray(parsed) ? parsed.map(String) : [];
}

/** Whether two lists hold the same strings, in any order. */
export function sameMembers(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.toSorted().join('\n') === right.toSorted().join('\n');
}

/** Whether two JSON texts say the same, whatever the order of keys. */
export function sameJson(left: string, right: string): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(left), JSON.parse(right));
  } catch {
    return left === right;
  }
}

/** Tags in the spelling of the API's parameter. */
export function tagList(tags: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue })));
}
