import { isKmsClientError } from '../client/kms-client-error.ts';
import type { KmsOperations } from '../client/kms-api.ts';
import { find, type KmsApi } from './kms-api.ts';

/** Who reads a secret, as the KMS tells. */
export type SecretReads = KmsOperations['ListSecretConsumers']['output'];

/** A KMS that does not have Kaap's own action says one of these. */
const unknownActionCodes = ['InvalidApi.NotFound', 'UnsupportedOperation'];

/** Asks who reads a secret; undefined where there is no such secret, or where the KMS cannot tell. */
export async function readsOf(kms: KmsApi, SecretName: string, signal: AbortSignal): Promise<SecretReads | undefined> {
  try {
    return (await find(kms, 'ListSecretConsumers', { SecretName }, signal)) as unknown as SecretReads | undefined;
  } catch (error) {
    if (unknownActionCodes.some((code) => isKmsClientError(error, code))) return undefined;
    throw error;
  }
}
