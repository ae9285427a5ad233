import { z } from 'zod';
import { parseCiphertextBlob } from '../../../crypto/ciphertext-blob.ts';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { decryptText, findKeyOfBlob } from '../../key-encryption.ts';
import { keyAccess } from '../../key-lookup.ts';
import { encryptionContext, noRecipient, text } from '../../parameters.ts';

const input = z.object({
  CiphertextBlob: text({ max: 16_384 }),
  EncryptionContext: encryptionContext(),
  Recipient: noRecipient(),
});

/** KMS Decrypt. The blob names its key: an alias that has moved meanwhile plays no part. */
export function decrypt(dependencies: KmsDependencies): AnyAction {
  return defineAction<z.infer<typeof input>>({
    name: 'Decrypt',
    product: 'Kms',
    input,
    plan: async ({ CiphertextBlob, EncryptionContext }) => {
      const found = await findKeyOfBlob(dependencies, parseCiphertextBlob(CiphertextBlob));
      return {
        access: [keyAccess(dependencies, 'kms:Decrypt', found)],
        run: async () => {
          const { key, text: Plaintext } = await decryptText(dependencies, found, EncryptionContext);
          return { KeyId: key.keyId, KeyVersionId: found.blob.keyVersionId, Plaintext };
        },
      };
    },
  });
}
