import { createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { maxPlaintextBytes } from '../../../crypto/ciphertext-blob.ts';
import { generatePrivateKey } from '../../../crypto/key-pair.ts';
import { keySpecs } from '../../../crypto/key-specs.ts';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { encryptText, usableKey } from '../../key-encryption.ts';
import type { KeyLookup } from '../../key-lookup.ts';
import { encryptionContext, keyReference, oneOf, withDefault } from '../../parameters.ts';
import { keyAction } from '../keys/key-action.ts';

const pairSpecs = Object.values(keySpecs)
  .filter(({ pair }) => pair !== undefined)
  .map(({ name }) => name);

const input = z.object({
  KeyId: keyReference(),
  KeyPairSpec: oneOf(pairSpecs),
  KeyFormat: withDefault(oneOf(['PEM', 'DER']), 'PEM'),
  EncryptionContext: encryptionContext(),
});
type Input = z.infer<typeof input>;

/**
 * GenerateDataKeyPair of the instance gateway: a new key pair, its private key in plain and encrypted under the key. The
 * private key is PKCS #8, the public key a SubjectPublicKeyInfo, both in the format that is asked for and then base64.
 */
export function generateDataKeyPair(dependencies: KmsDependencies): AnyAction {
  return keyAction<Input>(dependencies, {
    name: 'GenerateDataKeyPair',
    input,
    run: async (found, parameters) => {
      const { fields, plaintext } = await generate(dependencies, found, parameters);
      return { ...fields, PrivateKeyPlaintext: plaintext };
    },
  });
}

/** GenerateDataKeyPairWithoutPlaintext: the private key encrypted only, for somebody else to decrypt. */
export function generateDataKeyPairWithoutPlaintext(dependencies: KmsDependencies): AnyAction {
  return keyAction<Input>(dependencies, {
    name: 'GenerateDataKeyPairWithoutPlaintext',
    input,
    run: async (found, parameters) => (await generate(dependencies, found, parameters)).fields,
  });
}

async function generate(
  dependencies: KmsDependencies,
  found: KeyLookup,
  { KeyPairSpec, KeyFormat, EncryptionContext }: Input,
): Promise<{ fields: Record<string, string>; plaintext: string }> {
  const key = await usableKey(dependencies, found);
  const shape = keySpecs[KeyPairSpec]?.pair;
  if (shape === undefined) throw new Error(`${KeyPairSpec} is no key pair`);
  const pair = await generatePrivateKey(shape);
  const plaintext = exported(pair, KeyFormat);
  const { CiphertextBlob, ...names } = await encryptText(dependencies, key, plaintext, EncryptionContext);
  const PublicKey = exported(createPublicKey(pair), KeyFormat);
  return { fields: { ...names, KeyPairSpec, PrivateKeyCiphertextBlob: CiphertextBlob, PublicKey }, plaintext };
}

/** Base64 of the key in that format. */
function exported(key: KeyObject, format: 'PEM' | 'DER'): string {
  const type = key.type === 'private' ? 'pkcs8' : 'spki';
  const text = format === 'PEM' ? key.export({ format: 'pem', type }) : key.export({ format: 'der', type });
  const bytes = Buffer.from(text);
  try {
    if (bytes.length > maxPlaintextBytes) throw new Error('the key pair is longer than what a key encrypts');
    return bytes.toString('base64');
  } finally {
    bytes.fill(0);
  }
}
