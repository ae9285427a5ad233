import { randomBytes } from 'node:crypto';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { AeadError, lengthPrefixed, openAead, sealAead, type Random } from '../crypto/aead.ts';
import { SealError } from '../ports/seal.ts';

/** One key of an owner, in the clear: in memory only. */
export interface OwnedKey {
  id: string;
  status: 'ENABLED' | 'DISABLED';
  usage: ('ENCRYPT' | 'DECRYPT')[];
  /** Where the key is when it is not here. */
  heldBy?: 'hsm' | undefined;
  /** The key's 32 bytes, or where it is in the HSM. */
  material: Buffer;
}

const fileSchema = z.strictObject({
  version: z.literal(1),
  keys: z.array(
    z.strictObject({
      id: z.string().regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/),
      status: z.enum(['ENABLED', 'DISABLED']),
      usage: z.array(z.enum(['ENCRYPT', 'DECRYPT'])).max(2),
      heldBy: z.literal('hsm').optional(),
      sealed: z.base64(),
    }),
  ),
});

const sealBytes = 32;

/** The seal key of a key file: 32 bytes as base64, in a file that nobody but its owner and group may read. */
export async function readSealKey(path: string): Promise<Buffer> {
  const { mode } = await stat(path);
  if ((mode & 0o007) !== 0) throw new SealError(`Everybody may read ${path}. Run chmod 600 on it.`);
  const key = Buffer.from((await readFile(path, 'utf8')).trim(), 'base64');
  if (key.length === sealBytes) return key;
  throw new SealError(`${path} does not hold 32 bytes as base64. Make one with: openssl rand -base64 32`);
}

/**
 * Reads an owner's keys: AES-256-GCM under the seal key, bound to id, status and usages, so that nobody enables a key by
 * editing the file. A file that does not exist has no keys.
 */
export async function readKeyFile(path: string, sealKey: Buffer): Promise<OwnedKey[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{"version":1,"keys":[]}';
    throw error;
  });
  const { keys } = fileSchema.parse(JSON.parse(text));
  return keys.map(({ sealed, ...key }) => ({ ...key, material: open(path, sealKey, key, sealed) }));
}

/** Writes the keys, to a temporary name first. */
export async function writeKeyFile(
  path: string,
  sealKey: Buffer,
  keys: readonly OwnedKey[],
  random: Random = randomBytes,
): Promise<void> {
  const records = keys.map(({ material, ...key }) => ({
    ...key,
    sealed: sealAead(sealKey, material, aadOf(key), random).toString('base64'),
  }));
  const part = `${path}.part`;
  await writeFile(part, `${JSON.stringify({ version: 1, keys: records }, null, 2)}\n`, { mode: 0o600, flush: true });
  await rename(part, path);
}

function open(path: string, sealKey: Buffer, key: Omit<OwnedKey, 'material'>, sealed: string): Buffer {
  try {
    return openAead(sealKey, Buffer.from(sealed, 'base64'), aadOf(key));
  } catch (error) {
    if (!(error instanceof AeadError)) throw error;
    const message = `The key ${key.id} in ${path} was changed, or sealed with another seal key. Restore the file or the key.`;
    throw new SealError(message, { cause: error });
  }
}

function aadOf({ id, status, usage, heldBy }: Omit<OwnedKey, 'material'>): Buffer {
  return lengthPrefixed('kaap xki key v1', id, status, usage.join(','), ...(heldBy === undefined ? [] : [heldBy]));
}
