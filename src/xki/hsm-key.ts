import { HsmRefusalError, HsmUnavailableError, type HsmClient } from '../providers/pkcs11-client.ts';
import { hsmStatus } from '../providers/pkcs11-frames.ts';
import type { OwnedKey } from '../storage/xki-key-file.ts';
import type { ExternalKey } from './external-key.ts';
import { ProxyError } from './proxy-error.ts';

const ivBytes = 12;
const tagBytes = 16;

/** A key of the owner in an HSM, worked by the `hsm` process: what the file has of it is where it is. */
export function hsmKey({ id, status, usage, material }: OwnedKey, client: HsmClient): ExternalKey {
  const work = async (...call: Parameters<HsmClient['call']>): Promise<readonly Buffer[]> => {
    try {
      return await client.call(...call);
    } catch (error) {
      throw proxyErrorOf(id, error);
    }
  };
  return {
    id,
    status,
    usage,
    encrypt: async (plaintext, aad) => {
      const [iv, ciphertext, tag] = await work('encrypt', material, view(plaintext), view(aad));
      if (iv?.length === ivBytes && ciphertext?.length === plaintext.length && tag?.length === tagBytes) {
        return { iv, ciphertext, tag };
      }
      throw new ProxyError('InternalException', 'The HSM answered with something else than a ciphertext.');
    },
    decrypt: async ({ iv, ciphertext, tag }, aad) => {
      if (iv.length !== ivBytes || tag.length !== tagBytes) throw invalidCiphertext();
      const [plaintext] = await work('decrypt', material, view(iv), view(ciphertext), view(tag), view(aad));
      if (plaintext?.length === ciphertext.length) return plaintext;
      throw new ProxyError('InternalException', 'The HSM answered with something else than a plaintext.');
    },
  };
}

function proxyErrorOf(id: string, error: unknown): unknown {
  if (error instanceof HsmUnavailableError) {
    return new ProxyError('DependencyTimeoutException', 'The HSM does not answer.', { cause: error });
  }
  if (!(error instanceof HsmRefusalError)) return error;
  if (error.status === hsmStatus.invalidCiphertext) return invalidCiphertext();
  if (error.status !== hsmStatus.notFound) return error;
  return new ProxyError('KeyNotFoundException', `The HSM does not have the key ${id} any more.`, { cause: error });
}

function invalidCiphertext(): ProxyError {
  return new ProxyError('InvalidCiphertextException', 'The ciphertext does not authenticate.');
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
