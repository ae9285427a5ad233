import { z } from 'zod';
import { signatureAlgorithms } from '../../../crypto/asymmetric.ts';
import { ApiError } from '../../../lib/errors.ts';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import type { KeyUse } from '../../key-encryption.ts';
import type { KeyLookup } from '../../key-lookup.ts';
import { assertAlgorithm, usableVersion, type UsableVersion } from '../../key-version-use.ts';
import { base64Text, keyReference, oneOf, text } from '../../parameters.ts';
import { keyAction } from '../keys/key-action.ts';

const signing: KeyUse = { form: 'asymmetric', usage: 'SIGN/VERIFY' };
const maxDigestBytes = 64;
/** The signature of the largest RSA key. */
const maxSignatureBytes = 512;

const signInput = z.object({
  KeyId: keyReference(),
  KeyVersionId: text({ max: 64 }),
  Algorithm: oneOf([...signatureAlgorithms.keys()]),
  Digest: base64Text(maxDigestBytes),
});
const verifyInput = signInput.extend({ Value: base64Text(maxSignatureBytes) });

/** KMS AsymmetricSign: signs the digest of a message. The Value of ECDSA is ASN.1 DER. */
export function asymmetricSign(dependencies: KmsDependencies): AnyAction {
  return keyAction<z.infer<typeof signInput>>(dependencies, {
    name: 'AsymmetricSign',
    input: signInput,
    run: async (found, parameters) => {
      const { provider, material, names, digest } = await prepare(dependencies, found, parameters);
      const signature = await provider.signDigest(material, parameters.Algorithm, digest);
      return { ...names, Value: signature.toString('base64') };
    },
  });
}

/** KMS AsymmetricVerify: whether Value is the signature of the digest. A malformed one is not; that is no error. */
export function asymmetricVerify(dependencies: KmsDependencies): AnyAction {
  return keyAction<z.infer<typeof verifyInput>>(dependencies, {
    name: 'AsymmetricVerify',
    input: verifyInput,
    run: async (found, parameters) => {
      const { provider, material, names, digest } = await prepare(dependencies, found, parameters);
      const signature = Buffer.from(parameters.Value, 'base64');
      const Value = await provider.verifyDigest(material, parameters.Algorithm, digest, signature);
      return { ...names, Value };
    },
  });
}

async function prepare(
  dependencies: KmsDependencies,
  found: KeyLookup,
  { Algorithm, Digest, KeyVersionId }: z.infer<typeof signInput>,
): Promise<UsableVersion & { digest: Buffer }> {
  const version = await usableVersion(dependencies, found, KeyVersionId, signing);
  assertAlgorithm(version.key, Algorithm);
  const digest = Buffer.from(Digest, 'base64');
  const digestBytes = signatureAlgorithms.get(Algorithm)?.digestBytes;
  if (digest.length === digestBytes) return { ...version, digest };
  throw new ApiError('InvalidParameter', `The parameter Digest must be base64 of ${digestBytes} bytes.`);
}
