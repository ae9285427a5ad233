import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { maxPlaintextBytes } from '../../../crypto/ciphertext-blob.ts';
import { keySpecs } from '../../../crypto/key-specs.ts';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { usableKey, type KeyUse } from '../../key-encryption.ts';
import type { KeyLookup } from '../../key-lookup.ts';
import { assertAlgorithm, versionOf } from '../../key-version-use.ts';
import { base64Text, keyReference, oneOf, optional } from '../../parameters.ts';
import { primaryVersion } from '../../records/key.ts';
import { keyAction } from '../keys/key-action.ts';

const authenticating: KeyUse = { form: 'mac', usage: 'GENERATE/VERIFY MAC' };
const algorithms = Object.values(keySpecs).flatMap((row) => row.algorithms['GENERATE/VERIFY MAC'] ?? []);
/** The MAC of the longest hash. */
const maxMacBytes = 64;

const generateInput = z.object({
  KeyId: keyReference(),
  /** The one of the key when it is left out, as the instance gateway does. */
  Algorithm: optional(oneOf(algorithms)),
  Message: base64Text(maxPlaintextBytes),
});
const verifyInput = generateInput.extend({ Mac: base64Text(maxMacBytes) });

/** KMS GenerateMac: the HMAC (RFC 2104) of a message. */
export function generateMac(dependencies: KmsDependencies): AnyAction {
  return keyAction<z.infer<typeof generateInput>>(dependencies, {
    name: 'GenerateMac',
    input: generateInput,
    run: async (found, parameters) => {
      const { KeyId, Algorithm, mac } = await macOf(dependencies, found, parameters);
      return { Algorithm, KeyId, Mac: mac.toString('base64') };
    },
  });
}

/** KMS VerifyMac: whether Mac is that of the message, compared in constant time. One of another length is not. */
export function verifyMac(dependencies: KmsDependencies): AnyAction {
  return keyAction<z.infer<typeof verifyInput>>(dependencies, {
    name: 'VerifyMac',
    input: verifyInput,
    run: async (found, parameters) => {
      const { KeyId, Algorithm, mac } = await macOf(dependencies, found, parameters);
      const given = Buffer.from(parameters.Mac, 'base64');
      const Value = given.length === mac.length && timingSafeEqual(given, mac);
      return { Algorithm, KeyId, Value };
    },
  });
}

async function macOf(
  dependencies: KmsDependencies,
  found: KeyLookup,
  { Algorithm, Message }: z.infer<typeof generateInput>,
): Promise<{ KeyId: string; Algorithm: string; mac: Buffer }> {
  const key = await usableKey(dependencies, found, authenticating);
  if (Algorithm !== undefined) assertAlgorithm(key, Algorithm);
  const { provider, material } = await versionOf(dependencies, key, primaryVersion(key)?.id ?? '');
  return {
    KeyId: key.keyId,
    Algorithm: key.keySpec,
    mac: await provider.mac(material, Buffer.from(Message, 'base64')),
  };
}
