import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { parseCiphertextBlob } from '../../../crypto/ciphertext-blob.ts';
import {
  readWrappingKey,
  wrappingAlgorithmNames,
  wrappingAlgorithms,
  wrappingKeySpecs,
  type WrappingAlgorithmName,
  type WrappingKeySpec,
} from '../../../crypto/key-wrapping.ts';
import { ApiError } from '../../../lib/errors.ts';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { decryptText, encryptText, findKeyOfBlob, usableKey } from '../../key-encryption.ts';
import { keyAccess } from '../../key-lookup.ts';
import { base64Text, encryptionContext, oneOf, text } from '../../parameters.ts';
import { keyAction } from '../keys/key-action.ts';
import { assertWrapping } from '../keys/key-material.ts';
import { dataKeyInput, dataKeyLength, newDataKey } from './generate-data-key.ts';

/** A SubjectPublicKeyInfo of RSA_2048 has 294 bytes. */
const maxPublicKeyBytes = 1024;

const recipient = {
  /** SubjectPublicKeyInfo in DER, base64. */
  PublicKeyBlob: base64Text(maxPublicKeyBytes),
  WrappingKeySpec: oneOf(wrappingKeySpecs),
  WrappingAlgorithm: oneOf(wrappingAlgorithmNames),
};
interface Recipient {
  PublicKeyBlob: string;
  WrappingKeySpec: WrappingKeySpec;
  WrappingAlgorithm: WrappingAlgorithmName;
}

const exportInput = z.object({
  CiphertextBlob: text({ max: 16_384 }),
  EncryptionContext: encryptionContext(),
  ...recipient,
});

/** KMS ExportDataKey: a data key that was encrypted under a key, wrapped for whoever has the private key of PublicKeyBlob. */
export function exportDataKey(dependencies: KmsDependencies): AnyAction {
  return defineAction<z.infer<typeof exportInput>>({
    name: 'ExportDataKey',
    product: 'Kms',
    input: exportInput,
    plan: async ({ CiphertextBlob, EncryptionContext, ...parameters }) => {
      const found = await findKeyOfBlob(dependencies, parseCiphertextBlob(CiphertextBlob));
      return {
        access: [keyAccess(dependencies, 'kms:ExportDataKey', found)],
        run: async () => {
          const publicKey = recipientKey(parameters);
          const { key, text: plaintext } = await decryptText(dependencies, found, EncryptionContext);
          return {
            KeyId: key.keyId,
            KeyVersionId: found.blob.keyVersionId,
            ExportedDataKey: wrap(dependencies, parameters, publicKey, plaintext),
          };
        },
      };
    },
  });
}

const generateInput = dataKeyInput.extend(recipient);

/** KMS GenerateAndExportDataKey: a new data key, encrypted under the key and wrapped for somebody else at once. */
export function generateAndExportDataKey(dependencies: KmsDependencies): AnyAction {
  return keyAction<z.infer<typeof generateInput>>(dependencies, {
    name: 'GenerateAndExportDataKey',
    input: generateInput,
    run: async (found, parameters) => {
      const publicKey = recipientKey(parameters);
      const key = await usableKey(dependencies, found);
      const plaintext = newDataKey(dependencies, dataKeyLength(parameters));
      const ExportedDataKey = wrap(dependencies, parameters, publicKey, plaintext);
      return { ...(await encryptText(dependencies, key, plaintext, parameters.EncryptionContext)), ExportedDataKey };
    },
  });
}

function recipientKey({ PublicKeyBlob, WrappingKeySpec, WrappingAlgorithm }: Recipient): KeyObject {
  const fitting = wrappingAlgorithmNames.filter((name) => wrappingAlgorithms[name].keySpec === WrappingKeySpec);
  assertWrapping(WrappingAlgorithm, fitting);
  const key = readWrappingKey(WrappingKeySpec, Buffer.from(PublicKeyBlob, 'base64'));
  if (key !== undefined) return key;
  const message = `The parameter PublicKeyBlob must be base64 of a SubjectPublicKeyInfo (DER) of ${WrappingKeySpec}.`;
  throw new ApiError('InvalidParameter', message);
}

/** Wraps the bytes of a base64 text, which is what a ciphertext blob holds. */
function wrap(
  { random }: Pick<KmsDependencies, 'random'>,
  { WrappingAlgorithm }: Recipient,
  publicKey: KeyObject,
  plaintext: string,
): string {
  const algorithm = wrappingAlgorithms[WrappingAlgorithm];
  const bytes = Buffer.from(plaintext, 'base64');
  try {
    if (bytes.length <= algorithm.maxBytes) return algorithm.wrap(publicKey, bytes, random).toString('base64');
    const message = `The data key has more than the ${algorithm.maxBytes} bytes that ${WrappingAlgorithm} takes.`;
    throw new ApiError('InvalidParameter', message);
  } finally {
    bytes.fill(0);
  }
}
