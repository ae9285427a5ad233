import { decodeJwt } from 'jose';
import { ApiError } from '../../lib/errors.ts';

/** Longest token that is looked at, in characters. */
export const MAX_TOKEN_LENGTH: number = 16 * 1024;

/** The one answer to a token that is not what it should be. Never with a part of the token. */
export function invalidToken(): ApiError {
  return new ApiError(
    'AuthenticationFail.OIDCToken.Invalid',
    'The token is not valid here. It must be an unexpired token of the provider, for the audience that the role asks for.',
  );
}

/** The answer to a token whose time is over. */
export function expiredToken(): ApiError {
  return new ApiError(
    'AuthenticationFail.OIDCToken.Expired',
    'The token has expired. Read it anew; the kubelet renews it.',
  );
}

/**
 * The audiences that a token names, before anything about it is verified: good for choosing which audience to ask of the
 * verifier, and for nothing else.
 *
 * @throws ApiError `AuthenticationFail.OIDCToken.Invalid`.
 */
export function claimedAudiences(token: string): ReadonlySet<string> {
  const { aud } = decodeClaims(token);
  const audiences = Array.isArray(aud) ? aud : [aud];
  return new Set(audiences.filter((audience) => typeof audience === 'string'));
}

/** The claims of a token, unverified. @throws ApiError `AuthenticationFail.OIDCToken.Invalid`. */
export function decodeClaims(token: string): Record<string, unknown> {
  if (token.length > MAX_TOKEN_LENGTH) throw invalidToken();
  try {
    return decodeJwt(token);
  } catch {
    throw invalidToken();
  }
}
