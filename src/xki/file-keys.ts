import { createSecretKey, randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { AeadError, decryptAesGcm, encryptAesGcm } from '../crypto/aead.ts';
import type { Clock } from '../lib/clock.ts';
import type { HsmClient } from '../providers/pkcs11-client.ts';
import { readKeyFile, type OwnedKey } from '../storage/xki-key-file.ts';
import type { ExternalKey, ExternalKeySource } from './external-key.ts';
import { hsmKey } from './hsm-key.ts';
import { ProxyError } from './proxy-error.ts';

const ivBytes = 12;
/** How old what was read may be: the owner's DISABLE counts within a second. */
const freshMs = 200;

/**
 * Keys in a sealed file, read again when it changes. A file that cannot be read has no usable key. With an `hsm` process the
 * file has of its keys only state, usages and where they are, and no key is in this process.
 */
export function openFileKeys(path: string, sealKey: Buffer, clock: Clock, hsm?: HsmClient): ExternalKeySource {
  let keys = new Map<string, ExternalKey>();
  let checkedAt = -Infinity;
  let version = '';
  const refresh = async (): Promise<void> => {
    if (clock.monotonic() - checkedAt < freshMs) return;
    const { mtimeMs, ino, size } = await stat(path);
    const found = `${mtimeMs} ${ino} ${size}`;
    if (found !== version) {
      const owned = await readKeyFile(path, sealKey);
      keys = new Map(owned.map((key) => [key.id, workingKey(key, hsm)]));
      version = found;
    }
    checkedAt = clock.monotonic();
  };
  return {
    vendor: 'Kaap',
    model: hsm === undefined ? 'sealed-file' : 'pkcs11',
    find: async (id) => {
      await refresh();
      return keys.get(id);
    },
    health: () =>
      Promise.all([refresh(), hsm?.call('ping')]).then(
        () => 'ACTIVE' as const,
        () => 'UNAVAILABLE' as const,
      ),
    close: async () => hsm?.close(),
  };
}

function workingKey(owned: OwnedKey, hsm: HsmClient | undefined): ExternalKey {
  if (owned.heldBy === undefined) return fileKey(owned);
  if (hsm !== undefined) return hsmKey(owned, hsm);
  throw new Error(
    `key ${owned.id} is in an HSM: configure keys of the kind pkcs11, with the socket of the hsm process`,
  );
}

function fileKey({ id, status, usage, material }: OwnedKey): ExternalKey {
  const key = createSecretKey(material);
  material.fill(0);
  return {
    id,
    status,
    usage,
    encrypt: async (plaintext, aad) => {
      const iv = randomBytes(ivBytes);
      return { iv, ...encryptAesGcm(key, iv, plaintext, aad) };
    },
    decrypt: async ({ iv, ciphertext, tag }, aad) => {
      try {
        return decryptAesGcm(key, iv, ciphertext, tag, aad);
      } catch (error) {
        if (!(error instanceof AeadError || error instanceof RangeError)) throw error;
        throw new ProxyError('InvalidCiphertextException', 'The ciphertext does not authenticate.');
      }
    },
  };
}
