import { z } from 'zod';
import { keySpecs } from '../../../crypto/key-specs.ts';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { usableKey } from '../../key-encryption.ts';
import { loadKey } from '../../key-lookup.ts';
import { versionOf } from '../../key-version-use.ts';
import { keyReference, optional, text } from '../../parameters.ts';
import { primaryVersion } from '../../records/key.ts';
import { keyAction } from '../keys/key-action.ts';

const input = z.object({ KeyId: keyReference(), KeyVersionId: optional(text({ max: 64 })) });

/** KMS GetPublicKey: PEM of the SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) of one version of an asymmetric key. */
export function getPublicKey(dependencies: KmsDependencies): AnyAction {
  return keyAction<z.infer<typeof input>>(dependencies, {
    name: 'GetPublicKey',
    input,
    run: async (found, { KeyVersionId }) => {
      const { keyUsage, keySpec } = await loadKey(dependencies.store, found);
      // Either usage has a public key: a symmetric key has none, whatever it is for.
      const isAsymmetric = keySpecs[keySpec]?.form === 'asymmetric';
      const usage = isAsymmetric ? keyUsage : 'SIGN/VERIFY';
      const key = await usableKey(dependencies, found, { form: 'asymmetric', usage });
      const { provider, material, names } = await versionOf(
        dependencies,
        key,
        KeyVersionId ?? primaryVersion(key)?.id ?? '',
      );
      const publicKey = await provider.publicKey(material);
      return { ...names, PublicKey: publicKey.export({ format: 'pem', type: 'spki' }) };
    },
  });
}
