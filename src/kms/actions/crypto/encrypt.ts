import { z } from 'zod';
import { maxPlaintextBytes } from '../../../crypto/ciphertext-blob.ts';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { encryptText, usableKey } from '../../key-encryption.ts';
import { base64Text, encryptionContext, keyReference } from '../../parameters.ts';
import { keyAction } from '../keys/key-action.ts';

const input = z.object({
  KeyId: keyReference(),
  Plaintext: base64Text(maxPlaintextBytes),
  EncryptionContext: encryptionContext(),
});

/** KMS Encrypt: up to 6144 bytes under the primary version of a symmetric key. */
export function encrypt(dependencies: KmsDependencies): AnyAction {
  return keyAction(dependencies, {
    name: 'Encrypt',
    input,
    run: async (found, { Plaintext, EncryptionContext }) => {
      const key = await usableKey(dependencies, found);
      return { ...(await encryptText(dependencies, key, Plaintext, EncryptionContext)) };
    },
  });
}
