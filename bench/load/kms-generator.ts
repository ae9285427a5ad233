import { startGenerator, type GeneratorThread } from './generator-thread.ts';
import type { Load } from './load-generator.ts';
import type { SignedCalls } from './prepared-requests.ts';

/** Calls of one action of KMS. */
export type KmsLoad = Omit<SignedCalls, 'kind'> & Omit<Load, 'calls' | 'expected'>;

/** Field that the answer of an action has, whatever it was asked. */
const answerFields: Readonly<Record<string, string>> = {
  Encrypt: 'CiphertextBlob',
  Decrypt: 'Plaintext',
  GetSecretValue: 'SecretData',
  AsymmetricSign: 'Value',
};

/** A load generator for an action that is in the table of answers. Throws for another. */
export function startKmsGenerator(load: KmsLoad): GeneratorThread {
  const { endpoint, caPem, connections, milliseconds, ...calls } = load;
  const field = answerFields[load.action];
  if (field === undefined) throw new Error(`What ${load.action} answers is not in the table.`);
  const target = { endpoint, caPem, connections, milliseconds };
  return startGenerator({ ...target, calls: { kind: 'signed', ...calls }, expected: `"${field}":"` });
}
