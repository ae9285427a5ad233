import { z } from 'zod';
import { asymmetricCiphers } from '../../../crypto/asymmetric.ts';
import { maxSm2CiphertextBytes, maxSm2PlaintextBytes } from '../../../crypto/sm2-encryption.ts';
import { ApiError } from '../../../lib/errors.ts';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import type { KeyUse } from '../../key-encryption.ts';
import { assertAlgorithm, usableVersion } from '../../key-version-use.ts';
import { base64Text, keyReference, oneOf, optional, text } from '../../parameters.ts';
import { keyAction } from '../keys/key-action.ts';

/** What these actions need a key for. */
export const encrypting: KeyUse = { form: 'asymmetric', usage: 'ENCRYPT/DECRYPT' };
/** An RSA ciphertext is shorter. */
export const maxAsymmetricCiphertextBytes: number = maxSm2CiphertextBytes;

const named = z.object({
  KeyId: keyReference(),
  /** The primary one when it is left out, as the instance gateway does. */
  KeyVersionId: optional(text({ max: 64 })),
  Algorithm: oneOf([...asymmetricCiphers.keys()]),
});
const encryptInput = named.extend({ Plaintext: base64Text(maxSm2PlaintextBytes) });
const decryptInput = named.extend({ CiphertextBlob: base64Text(maxAsymmetricCiphertextBytes) });

/** KMS AsymmetricEncrypt: what anybody can do who has the public key. The ciphertext has no envelope around it. */
export function asymmetricEncrypt(dependencies: KmsDependencies): AnyAction {
  return keyAction<z.infer<typeof encryptInput>>(dependencies, {
    name: 'AsymmetricEncrypt',
    input: encryptInput,
    run: async (found, { Algorithm, KeyVersionId, Plaintext }) => {
      const { key, provider, material, names } = await usableVersion(dependencies, found, KeyVersionId, encrypting);
      assertAlgorithm(key, Algorithm);
      const cipher = asymmetricCiphers.get(Algorithm);
      const publicKey = await provider.publicKey(material);
      const plaintext = Buffer.from(Plaintext, 'base64');
      try {
        const longest = cipher?.maxPlaintextBytes(publicKey.asymmetricKeyDetails?.modulusLength ?? 0) ?? 0;
        if (cipher === undefined || plaintext.length > longest) {
          const message = `The parameter Plaintext must be base64 of 1 to ${longest} bytes for this key and algorithm.`;
          throw new ApiError('InvalidParameter', message);
        }
        return {
          ...names,
          CiphertextBlob: cipher.encrypt(publicKey, plaintext, dependencies.random).toString('base64'),
        };
      } finally {
        plaintext.fill(0);
      }
    },
  });
}

/** KMS AsymmetricDecrypt. Whatever is wrong with the ciphertext, the error is the same. */
export function asymmetricDecrypt(dependencies: KmsDependencies): AnyAction {
  return keyAction<z.infer<typeof decryptInput>>(dependencies, {
    name: 'AsymmetricDecrypt',
    input: decryptInput,
    run: async (found, { Algorithm, CiphertextBlob, KeyVersionId }) => {
      const { key, provider, material, names } = await usableVersion(dependencies, found, KeyVersionId, encrypting);
      assertAlgorithm(key, Algorithm);
      const ciphertext = Buffer.from(CiphertextBlob, 'base64');
      const plaintext = await provider.decryptAsymmetric(material, Algorithm, ciphertext);
      try {
        return { ...names, Plaintext: plaintext.toString('base64') };
      } finally {
        plaintext.fill(0);
      }
    },
  });
}
