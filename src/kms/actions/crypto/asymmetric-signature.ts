import { hash } from 'node:crypto';
import { z } from 'zod';
import { signatureAlgorithms } from '../../../crypto/asymmetric.ts';
import { keySpecs } from '../../../crypto/key-specs.ts';
import { publicPoint, sm2MessageDigest } from '../../../crypto/sm2.ts';
import { ApiError } from '../../../lib/errors.ts';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import type { KeyUse } from '../../key-encryption.ts';
import type { KeyLookup } from '../../key-lookup.ts';
import { assertAlgorithm, usableVersion, type UsableVersion } from '../../key-version-use.ts';
import { base64Text, keyReference, oneOf, optional, text, withDefault } from '../../parameters.ts';
import { keyAction } from '../keys/key-action.ts';

const signing: KeyUse = { form: 'asymmetric', usage: 'SIGN/VERIFY' };
const maxDigestBytes = 64;
/** The signature of the largest RSA key. */
const maxSignatureBytes = 512;

/** As much as the instance gateway takes in a request. */
const maxMessageBytes = 3 * 1024 * 1024;

const signInput = z.object({
  KeyId: keyReference(),
  /** The primary one when it is left out, and so the first algorithm of the key spec, as the instance gateway does. */
  KeyVersionId: optional(text({ max: 64 })),
  Algorithm: optional(oneOf([...signatureAlgorithms.keys()])),
  Digest: optional(base64Text(maxDigestBytes)),
  /** In place of Digest, for the instance gateway: the message itself, or its digest. */
  Message: optional(base64Text(maxMessageBytes)),
  MessageType: withDefault(oneOf(['RAW', 'DIGEST']), 'RAW'),
});
const verifyInput = signInput.extend({ Value: base64Text(maxSignatureBytes) });

/** KMS AsymmetricSign: signs the digest of a message. The Value of ECDSA is ASN.1 DER. */
export function asymmetricSign(dependencies: KmsDependencies): AnyAction {
  return keyAction<z.infer<typeof signInput>>(dependencies, {
    name: 'AsymmetricSign',
    input: signInput,
    run: async (found, parameters) => {
      const { provider, material, names, algorithm, digest } = await prepare(dependencies, found, parameters);
      const signature = await provider.signDigest(material, algorithm, digest);
      return { ...names, ...chosen(parameters, algorithm), Value: signature.toString('base64') };
    },
  });
}

/** KMS AsymmetricVerify: whether Value is the signature of the digest. A malformed one is not; that is no error. */
export function asymmetricVerify(dependencies: KmsDependencies): AnyAction {
  return keyAction<z.infer<typeof verifyInput>>(dependencies, {
    name: 'AsymmetricVerify',
    input: verifyInput,
    run: async (found, parameters) => {
      const { provider, material, names, algorithm, digest } = await prepare(dependencies, found, parameters);
      const signature = Buffer.from(parameters.Value, 'base64');
      const Value = await provider.verifyDigest(material, algorithm, digest, signature);
      return { ...names, ...chosen(parameters, algorithm), Value };
    },
  });
}

type SignInput = z.infer<typeof signInput>;

/** Told to callers who did not say it. */
function chosen({ Algorithm }: SignInput, algorithm: string): { Algorithm?: string } {
  return Algorithm === undefined ? { Algorithm: algorithm } : {};
}

async function prepare(
  dependencies: KmsDependencies,
  found: KeyLookup,
  parameters: SignInput,
): Promise<UsableVersion & { algorithm: string; digest: Buffer }> {
  const version = await usableVersion(dependencies, found, parameters.KeyVersionId, signing);
  const { key } = version;
  const algorithm = parameters.Algorithm ?? keySpecs[key.keySpec]?.algorithms['SIGN/VERIFY']?.[0] ?? '';
  assertAlgorithm(key, algorithm);
  const digest = await digestOf(version, algorithm, parameters);
  const digestBytes = signatureAlgorithms.get(algorithm)?.digestBytes;
  if (digest.length === digestBytes) return { ...version, algorithm, digest };
  throw new ApiError('InvalidParameter', `The parameter Digest must be base64 of ${digestBytes} bytes.`);
}

/** What is signed: the digest that is given, or that of the message. */
async function digestOf(version: UsableVersion, algorithm: string, parameters: SignInput): Promise<Buffer> {
  const { Digest, Message, MessageType } = parameters;
  if (Digest !== undefined) return Buffer.from(Digest, 'base64');
  if (Message === undefined) throw new ApiError('MissingParameter', 'The parameter Digest is required.');
  const message = Buffer.from(Message, 'base64');
  if (MessageType === 'DIGEST') return message;
  if (algorithm !== 'SM2DSA') return hash('sha256', message, 'buffer');
  return sm2MessageDigest(publicPoint(await version.provider.publicKey(version.material)), message);
}
