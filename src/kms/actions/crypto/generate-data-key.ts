import { z } from 'zod';
import type { EncryptionContext } from '../../../crypto/encryption-context.ts';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { encryptText, usableKey, type EncryptedText } from '../../key-encryption.ts';
import type { KeyLookup } from '../../key-lookup.ts';
import {
  encryptionContext,
  integer,
  keyReference,
  noRecipient,
  oneOf,
  optional,
  withDefault,
} from '../../parameters.ts';
import { keyAction } from '../keys/key-action.ts';

const dataKeyBytes = { AES_256: 32, AES_128: 16 } as const;

/** What says how a data key is to be, and under which key. */
export const dataKeyInput: z.ZodObject<{
  KeyId: z.ZodType<string>;
  KeySpec: z.ZodType<keyof typeof dataKeyBytes>;
  NumberOfBytes: z.ZodType<number | undefined>;
  EncryptionContext: z.ZodType<EncryptionContext>;
}> = z.object({
  KeyId: keyReference(),
  KeySpec: withDefault(oneOf(['AES_256', 'AES_128']), 'AES_256'),
  /** Wins over KeySpec. */
  NumberOfBytes: optional(integer(1, 1024)),
  EncryptionContext: encryptionContext(),
});
type Input = z.infer<typeof dataKeyInput>;

/** KMS GenerateDataKey: a new data key, in plain and encrypted under the key. */
export function generateDataKey(dependencies: KmsDependencies): AnyAction {
  return keyAction(dependencies, {
    name: 'GenerateDataKey',
    input: dataKeyInput.extend({ Recipient: noRecipient() }),
    run: async (found, parameters) => {
      const { encrypted, Plaintext } = await generate(dependencies, found, parameters);
      return { ...encrypted, Plaintext };
    },
  });
}

/** KMS GenerateDataKeyWithoutPlaintext: a new data key for somebody else to decrypt. */
export function generateDataKeyWithoutPlaintext(dependencies: KmsDependencies): AnyAction {
  return keyAction(dependencies, {
    name: 'GenerateDataKeyWithoutPlaintext',
    input: dataKeyInput,
    run: async (found, parameters) => ({ ...(await generate(dependencies, found, parameters)).encrypted }),
  });
}

async function generate(
  dependencies: KmsDependencies,
  found: KeyLookup,
  parameters: Input,
): Promise<{ encrypted: EncryptedText; Plaintext: string }> {
  const key = await usableKey(dependencies, found);
  const Plaintext = newDataKey(dependencies, dataKeyLength(parameters));
  return { encrypted: await encryptText(dependencies, key, Plaintext, parameters.EncryptionContext), Plaintext };
}

/** Length of a data key in bytes (KMS GenerateDataKey). */
export function dataKeyLength({ NumberOfBytes, KeySpec }: Pick<Input, 'NumberOfBytes' | 'KeySpec'>): number {
  return NumberOfBytes ?? dataKeyBytes[KeySpec];
}

/** A new data key of so many bytes as base64 text, which is what is encrypted. */
export function newDataKey({ random }: Pick<KmsDependencies, 'random'>, length: number): string {
  const dataKey = random(length);
  const base64 = dataKey.toString('base64');
  dataKey.fill(0);
  return base64;
}
