import { z } from 'zod';
import { parseCiphertextBlob } from '../../../crypto/ciphertext-blob.ts';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { decryptText, encryptText, findKeyOfBlob, usableKey, type BlobLookup } from '../../key-encryption.ts';
import { findKey, keyAccess, type KeyLookup } from '../../key-lookup.ts';
import { encryptionContext, keyReference, text } from '../../parameters.ts';

const input = z.object({
  CiphertextBlob: text({ max: 16_384 }),
  DestinationKeyId: keyReference(),
  SourceEncryptionContext: encryptionContext(),
  DestinationEncryptionContext: encryptionContext(),
});
type Input = z.infer<typeof input>;

/** KMS ReEncrypt: needs `kms:ReEncryptFrom` on the key of the blob and `kms:ReEncryptTo` on the other. */
export function reEncrypt(dependencies: KmsDependencies): AnyAction {
  return defineAction<Input>({
    name: 'ReEncrypt',
    product: 'Kms',
    input,
    plan: async (parameters) => {
      const source = await findKeyOfBlob(dependencies, parseCiphertextBlob(parameters.CiphertextBlob));
      const destination = await findKey(dependencies, dependencies.store, parameters.DestinationKeyId);
      return {
        access: [
          keyAccess(dependencies, 'kms:ReEncryptFrom', source),
          keyAccess(dependencies, 'kms:ReEncryptTo', destination),
        ],
        run: () => run(dependencies, parameters, source, destination),
      };
    },
  });
}

async function run(
  dependencies: KmsDependencies,
  parameters: Input,
  source: BlobLookup,
  destination: KeyLookup,
): Promise<Record<string, unknown>> {
  const target = await usableKey(dependencies, destination);
  const { text: plaintext } = await decryptText(dependencies, source, parameters.SourceEncryptionContext);
  return { ...(await encryptText(dependencies, target, plaintext, parameters.DestinationEncryptionContext)) };
}
