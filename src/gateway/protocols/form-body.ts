import { ApiError } from '../../lib/errors.ts';
import type { WireRequest } from '../wire-request.ts';

/**
 * The text of an urlencoded body; empty when there is no body.
 *
 * @throws ApiError `ParseRequestParameterException` for a body of another type or in another encoding than UTF-8.
 */
export function formBodyOf(request: WireRequest): string {
  if (request.body.length === 0) return '';
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded' || request.headers['content-encoding'] !== undefined) {
    throw new ApiError(
      'ParseRequestParameterException',
      'The body must be application/x-www-form-urlencoded, without a content encoding.',
    );
  }
  // Percent-encoding leaves ASCII; any other byte is refused when the parameter's name or value is decoded or signed.
  return request.body.toString('utf8');
}
