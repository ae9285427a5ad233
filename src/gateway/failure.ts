import { ApiError } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import { withSourcePlaces } from '../lib/source-places.ts';
import type { Action } from '../ports/action.ts';
import { StoreConflictError, StoreSealedError } from '../ports/store.ts';

/** Where an error was thrown. Without its message, which may quote what could not be parsed. */
function framesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '));
  return frames.map(withSourcePlaces);
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

/** What a caller is told about anything thrown. Unexpected errors are logged by name and place, and told without detail. */
export function toApiError(error: unknown, product: Action['product'], requestId: string, log: Logger): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof StoreSealedError) {
    return new ApiError('ServiceUnavailableTemporary', 'The service is sealed. Ask its operator to unseal it.');
  }
  if (error instanceof StoreConflictError) {
    return new ApiError('ServiceUnavailableTemporary', 'Others changed the same thing at the same time. Try again.');
  }
  log.error({ requestId, error: nameOf(error), frames: framesOf(error) }, 'a request failed unexpectedly');
  const code = product === 'Kms' ? 'InternalFailure' : 'InternalError';
  return new ApiError(code, `The request failed inside the service. Tell its operator the request id ${requestId}.`);
}
