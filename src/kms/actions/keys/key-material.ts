import { z } from 'zod';
import { importedMaterial } from '../../../crypto/imported-material.ts';
import { keySpecs, type KeySpecRow } from '../../../crypto/key-specs.ts';
import { wrappingKeySpecs } from '../../../crypto/key-wrapping.ts';
import { ApiError } from '../../../lib/errors.ts';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import {
  countRefusal,
  findImportToken,
  importAlgorithmNames,
  importAlgorithmsOf,
  issueImportToken,
  unwrapForToken,
} from '../../import-tokens.ts';
import { loadKey, type KeyLookup } from '../../key-lookup.ts';
import { assertImports, deleteMaterial, invalidKeyMaterial, isSameMaterial, putMaterial } from '../../key-material.ts';
import { assertKeyState } from '../../key-state.ts';
import { base64Text, integer, keyReference, oneOf, withDefault } from '../../parameters.ts';
import type { KeyRecord } from '../../records/key.ts';
import { isoSeconds } from '../../time-format.ts';
import { keyAction } from './key-action.ts';

/** More than the longest material takes under any wrapping: a private key of RSA_4096 in an envelope. */
const maxWrappedBytes = 4096;
const maxTokenBytes = 1024;
/** The last second that an ISO date of four digits can tell. */
const maxUnixSeconds = 253_402_300_799;

const parametersInput = z.object({
  KeyId: keyReference(),
  WrappingAlgorithm: oneOf(importAlgorithmNames),
  WrappingKeySpec: oneOf(wrappingKeySpecs),
});

/** KMS GetParametersForImport: a public key to wrap material with, and the token that goes with it for 24 hours. */
export function getParametersForImport(dependencies: KmsDependencies): AnyAction {
  return keyAction<z.infer<typeof parametersInput>>(dependencies, {
    name: 'GetParametersForImport',
    input: parametersInput,
    run: async (found, { WrappingAlgorithm, WrappingKeySpec }) => {
      const key = await loadKey(dependencies.store, found);
      assertImports(key);
      assertWrapping(WrappingAlgorithm, importAlgorithmsOf(rowOf(key), WrappingKeySpec));
      const { token, publicKey, expireTime } = await issueImportToken(dependencies, key.keyId, WrappingAlgorithm);
      return {
        KeyId: key.keyId,
        ImportToken: token,
        PublicKey: publicKey.toString('base64'),
        TokenExpireTime: isoSeconds(expireTime),
      };
    },
  });
}

const importInput = z.object({
  KeyId: keyReference(),
  EncryptedKeyMaterial: base64Text(maxWrappedBytes),
  ImportToken: base64Text(maxTokenBytes),
  /** Seconds since the Unix epoch; 0 means never. */
  KeyMaterialExpireUnix: withDefault(integer(0, maxUnixSeconds), 0),
});
type ImportInput = z.infer<typeof importInput>;

/**
 * KMS ImportKeyMaterial. A key takes the material that it had before and no other. Whatever is wrong with the material or
 * its wrapping, the error is the same, and a few of them make the token void.
 */
export function importKeyMaterial(dependencies: KmsDependencies): AnyAction {
  return keyAction<ImportInput>(dependencies, {
    name: 'ImportKeyMaterial',
    input: importInput,
    run: async (found, parameters) => {
      await importMaterial(dependencies, found, parameters);
      return {};
    },
  });
}

async function importMaterial(
  dependencies: KmsDependencies,
  found: KeyLookup,
  { EncryptedKeyMaterial, ImportToken, KeyMaterialExpireUnix }: ImportInput,
): Promise<void> {
  const now = dependencies.clock.now();
  const key = await loadKey(dependencies.store, found);
  assertImports(key);
  assertKeyState(key, now, 'importMaterial');
  const token = await findImportToken(dependencies.store, key.keyId, ImportToken, now);
  const expireTime = KeyMaterialExpireUnix === 0 ? undefined : KeyMaterialExpireUnix * 1000;
  if (expireTime !== undefined && expireTime <= now) {
    throw new ApiError(
      'InvalidParameter',
      'The parameter KeyMaterialExpireUnix must be 0, or seconds that are yet to come.',
    );
  }
  const unwrapped = unwrapForToken(token, Buffer.from(EncryptedKeyMaterial, 'base64'));
  const bytes = unwrapped && importedMaterial(rowOf(key), unwrapped, dependencies.random);
  try {
    if (bytes === undefined || !isSameMaterial(key, bytes)) {
      await countRefusal(dependencies, key.keyId, ImportToken);
      throw invalidKeyMaterial();
    }
    await putMaterial(dependencies, found, bytes, expireTime);
  } finally {
    unwrapped?.fill(0);
    bytes?.fill(0);
  }
}

function rowOf({ keySpec }: KeyRecord): KeySpecRow {
  const row = keySpecs[keySpec];
  if (row === undefined) throw new Error(`there is no key spec ${keySpec}`);
  return row;
}

/** KMS DeleteKeyMaterial: destroys it. What it encrypted can be read again once the same material is imported. */
export function deleteKeyMaterial(dependencies: KmsDependencies): AnyAction {
  return keyAction(dependencies, {
    name: 'DeleteKeyMaterial',
    input: z.object({ KeyId: keyReference() }),
    run: async (found) => {
      await deleteMaterial(dependencies, found);
      return {};
    },
  });
}

/** Throws `InvalidParameter` unless the algorithm is one of those that go with the kind of wrapping key. */
export function assertWrapping(algorithm: string, fitting: readonly string[]): void {
  if (fitting.includes(algorithm)) return;
  throw new ApiError(
    'InvalidParameter',
    `The parameter WrappingAlgorithm must be one of ${fitting.join(', ')} for this key and WrappingKeySpec.`,
  );
}
