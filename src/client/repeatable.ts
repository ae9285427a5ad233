import { isKmsClientError } from './kms-client-error.ts';

/** Actions that change nothing, so that doing them twice does no harm. */
const harmless =
  /^(?:Get|List|Describe|Batch|Wait|Simulate|Advance|Encrypt$|Decrypt$|ReEncrypt$|Export|Generate|Asymmetric|VerifyMac$|Certificate(?:Private|Public)Key|Assume)/;

/** Parameters that make the server know a write again: a second one answers like the first (KMS API pages of the actions). */
const idempotencyTokens: Readonly<Record<string, string>> = {
  CreateKey: 'ClientToken',
  CreateCertificate: 'ClientToken',
  PutSecretValue: 'VersionId',
  RotateSecret: 'VersionId',
};

/** Whether the same call may be sent again although the server may have acted on the first. */
export function isRepeatable(action: string, parameters: Readonly<Record<string, unknown>>): boolean {
  if (harmless.test(action)) return true;
  const token = Object.hasOwn(idempotencyTokens, action) ? idempotencyTokens[action] : undefined;
  return token !== undefined && typeof parameters[token] === 'string' && parameters[token] !== '';
}

/** Whether a failed call is worth sending again, and does nothing twice. */
export function mayRepeat(error: unknown, action: string, parameters: Readonly<Record<string, unknown>>): boolean {
  if (!isKmsClientError(error) || !error.retryable) return false;
  return !error.mayHaveActed || isRepeatable(action, parameters);
}
