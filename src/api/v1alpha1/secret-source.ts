// SPDX-License-Identifier: Apache-2.0
import type { z } from 'zod';
import { mapOf, object, optional, text } from '../crd/fields.ts';
import { constrained, exactlyOne, type Rule } from '../crd/rules.ts';
import { labelName } from './names.ts';

/** A secret of KMS; the version that is ACSCurrent unless one is named. */
export interface SecretReference {
  /** Full name in KMS. */
  name: string;
  versionStage?: string;
  versionId?: string;
}

/** Ciphertext to decrypt. */
export interface DecryptSource {
  /** Base64, as KMS Encrypt answers it. */
  ciphertextBlob: string;
  encryptionContext?: Record<string, string>;
}

/** A named value: exactly one of a secret and ciphertext. */
export type SecretSource = { name: string } & (
  { secret: SecretReference; decrypt?: never } | { decrypt: DecryptSource; secret?: never }
);

const oneVersion: Rule<SecretReference> = {
  rule: '!(has(self.versionStage) && has(self.versionId))',
  message: 'give versionStage or versionId, not both',
  holds: (secret) => secret.versionStage === undefined || secret.versionId === undefined,
};

const secret: z.ZodType<SecretReference> = constrained<SecretReference>(
  object('A secret of KMS.', {
    name: text('Full name of the secret in KMS, such as shop/db.', {
      max: 192,
      format: {
        pattern: /^[A-Za-z0-9_/+=.@-]+$/,
        message: 'must be the name of a secret in KMS: letters, digits and _ / + = . @ -',
      },
    }),
    versionStage: optional(text('Stage of the version; ACSCurrent when left out.', { max: 64 })),
    versionId: optional(text('Id of one version, which then never changes.', { max: 64 })),
  }),
  [oneVersion],
);

// KMS encrypts at most 6144 bytes, which makes 8.3 kB of base64.
const decrypt: z.ZodType<DecryptSource> = object('Ciphertext that KMS decrypts for the pod.', {
  ciphertextBlob: text('Base64 text as KMS Encrypt answers it.', {
    max: 16_384,
    format: { pattern: /^[A-Za-z0-9+/]+={0,2}$/, message: 'must be base64 text, as Encrypt answered it' },
  }),
  encryptionContext: optional(
    mapOf('The encryption context that was given to Encrypt.', text('A value.', { max: 2048, min: 0 }), {
      max: 32,
      maxKey: 256,
    }),
  ),
});

/** Schema of {@link SecretSource}. */
export const secretSourceSchema: z.ZodType<SecretSource> = constrained(
  object('One value, under a name that env and files refer to: exactly one of secret and decrypt.', {
    name: labelName('Name of the source in this binding.'),
    secret: optional(secret),
    decrypt: optional(decrypt),
  }),
  [exactlyOne<{ secret?: unknown; decrypt?: unknown }>(['secret', 'decrypt'])],
) as unknown as z.ZodType<SecretSource>;
