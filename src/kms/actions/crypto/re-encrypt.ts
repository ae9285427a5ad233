import { z } from 'zod';
import { asymmetricCiphers } from '../../../crypto/asymmetric.ts';
import { parseCiphertextBlob } from '../../../crypto/ciphertext-blob.ts';
import type { EncryptionContext } from '../../../crypto/encryption-context.ts';
import { ApiError } from '../../../lib/errors.ts';
import type { AccessRequest } from '../../../policy/decision.ts';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { decryptText, encryptText, findKeyOfBlob, usableKey } from '../../key-encryption.ts';
import { findKey, keyAccess } from '../../key-lookup.ts';
import { assertAlgorithm, usableVersion } from '../../key-version-use.ts';
import { base64Text, encryptionContext, keyReference, oneOf, optional, text } from '../../parameters.ts';
import { encrypting, maxAsymmetricCiphertextBytes } from './asymmetric-encryption.ts';

const symmetricAlgorithms = ['AES_GCM', 'SM4_GCM'] as const;

const input = z.object({
  CiphertextBlob: text({ max: 16_384 }),
  DestinationKeyId: keyReference(),
  SourceEncryptionContext: encryptionContext(),
  DestinationEncryptionContext: encryptionContext(),
  /** An algorithm of asymmetric keys makes CiphertextBlob the answer of AsymmetricEncrypt, which names no key. */
  SourceEncryptionAlgorithm: optional(oneOf([...symmetricAlgorithms, ...asymmetricCiphers.keys()])),
  SourceKeyId: optional(keyReference()),
  SourceKeyVersionId: optional(text({ max: 64 })),
});
type Input = z.infer<typeof input>;

/** Where the plaintext comes from: what it takes to be allowed, and the work. */
interface Source {
  readonly access: AccessRequest;
  /** The base64 text of the plaintext. */
  open(): Promise<string>;
}

/** KMS ReEncrypt: needs `kms:ReEncryptFrom` on the key of the blob and `kms:ReEncryptTo` on the other. */
export function reEncrypt(dependencies: KmsDependencies): AnyAction {
  return defineAction<Input>({
    name: 'ReEncrypt',
    product: 'Kms',
    input,
    plan: async (parameters) => {
      const source = isAsymmetric(parameters)
        ? await asymmetricSource(dependencies, parameters)
        : await symmetricSource(dependencies, parameters);
      const destination = await findKey(dependencies, dependencies.store, parameters.DestinationKeyId);
      return {
        access: [source.access, keyAccess(dependencies, 'kms:ReEncryptTo', destination)],
        run: async () => {
          const target = await usableKey(dependencies, destination);
          const plaintext = await source.open();
          return { ...(await encryptText(dependencies, target, plaintext, parameters.DestinationEncryptionContext)) };
        },
      };
    },
  });
}

function isAsymmetric({ SourceEncryptionAlgorithm }: Input): boolean {
  return SourceEncryptionAlgorithm !== undefined && asymmetricCiphers.has(SourceEncryptionAlgorithm);
}

/** The blob names its key and version. What the caller says of them besides must be so. */
async function symmetricSource(dependencies: KmsDependencies, parameters: Input): Promise<Source> {
  const { SourceKeyId, SourceKeyVersionId, SourceEncryptionContext } = parameters;
  const found = await findKeyOfBlob(dependencies, parseCiphertextBlob(parameters.CiphertextBlob));
  const named = SourceKeyId === undefined ? found : await findKey(dependencies, dependencies.store, SourceKeyId);
  return {
    access: keyAccess(dependencies, 'kms:ReEncryptFrom', found),
    open: async () => {
      const { key, text: plaintext } = await decryptText(dependencies, found, SourceEncryptionContext);
      if (named.key?.keyId !== key.keyId) throw otherSource('SourceKeyId', 'key');
      if (SourceKeyVersionId !== undefined && SourceKeyVersionId !== found.blob.keyVersionId) {
        throw otherSource('SourceKeyVersionId', 'key version');
      }
      if (parameters.SourceEncryptionAlgorithm !== undefined)
        assertAlgorithm(key, parameters.SourceEncryptionAlgorithm);
      return plaintext;
    },
  };
}

async function asymmetricSource(dependencies: KmsDependencies, parameters: Input): Promise<Source> {
  const { SourceEncryptionAlgorithm = '', CiphertextBlob } = parameters;
  const keyId = required('SourceKeyId', parameters.SourceKeyId);
  const versionId = required('SourceKeyVersionId', parameters.SourceKeyVersionId);
  assertNoContext(parameters.SourceEncryptionContext);
  if (!base64Text(maxAsymmetricCiphertextBytes).safeParse(CiphertextBlob).success) {
    const message = `The parameter CiphertextBlob must be base64 of 1 to ${maxAsymmetricCiphertextBytes} bytes.`;
    throw new ApiError('InvalidParameter', message);
  }
  const found = await findKey(dependencies, dependencies.store, keyId);
  return {
    access: keyAccess(dependencies, 'kms:ReEncryptFrom', found),
    open: async () => {
      const { key, provider, material } = await usableVersion(dependencies, found, versionId, encrypting);
      assertAlgorithm(key, SourceEncryptionAlgorithm);
      const ciphertext = Buffer.from(CiphertextBlob, 'base64');
      const plaintext = await provider.decryptAsymmetric(material, SourceEncryptionAlgorithm, ciphertext);
      try {
        return plaintext.toString('base64');
      } finally {
        plaintext.fill(0);
      }
    },
  };
}

function required(name: string, value: string | undefined): string {
  if (value !== undefined) return value;
  throw new ApiError('MissingParameter', `The parameter ${name} is required when the source key is asymmetric.`);
}

function assertNoContext(context: EncryptionContext): void {
  if (Object.keys(context).length === 0) return;
  const message = 'The parameter SourceEncryptionContext must be left out: ciphertexts of asymmetric keys have none.';
  throw new ApiError('InvalidParameter', message);
}

function otherSource(parameter: string, thing: string): ApiError {
  return new ApiError('InvalidParameter', `The parameter ${parameter} must name the ${thing} of CiphertextBlob.`);
}
