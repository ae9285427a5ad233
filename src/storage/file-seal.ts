import { randomBytes } from 'node:crypto';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { AeadError, openAead, sealAead, type Random } from '../crypto/aead.ts';
import { SealError, type Seal } from '../ports/seal.ts';

export interface FileSealOptions {
  /** Makes the file with a new random key and mode 0600 when there is none. Off unless asked. */
  createIfMissing?: boolean;
  random?: Random;
}

const keyBytes = 32;
const aad = Buffer.from('kaap file seal v1', 'latin1');

/**
 * A seal whose key is in a file: 32 raw bytes, or their base64 in one line. Refuses a file that others than owner and
 * group may read, or that anyone but the owner may write.
 */
export async function openFileSeal(path: string, options: FileSealOptions = {}): Promise<Seal> {
  const random = options.random ?? randomBytes;
  if (options.createIfMissing === true) await createKeyFile(path, random);
  const key = await readKeyFile(path);
  return {
    kind: 'file',
    wrap: (rootKey) => Promise.resolve(sealAead(key, rootKey, aad, random)),
    unwrap: async (wrapped) => Promise.resolve(unwrap(path, key, wrapped)),
  };
}

function unwrap(path: string, key: Buffer, wrapped: Buffer): Buffer {
  try {
    return openAead(key, wrapped, aad);
  } catch (error) {
    if (!(error instanceof AeadError)) throw error;
    const message = `The seal key in ${path} is not the one that sealed this store. Put the file back from its backup.`;
    throw new SealError(message, { cause: error });
  }
}

async function createKeyFile(path: string, random: Random): Promise<void> {
  let file: FileHandle;
  try {
    file = await open(path, 'wx', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw new SealError(`Cannot create the seal key file ${path}. Check that its directory exists.`, { cause: error });
  }
  try {
    await file.writeFile(`${random(keyBytes).toString('base64')}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function readKeyFile(path: string): Promise<Buffer> {
  const file = await openForReading(path);
  try {
    const { mode } = await file.stat();
    if ((mode & 0o027) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, '0');
      throw new SealError(`The seal key file ${path} has mode ${octal}. Run chmod 600 on it, or 640 for a group.`);
    }
    return decodeKey(path, await file.readFile());
  } finally {
    await file.close();
  }
}

async function openForReading(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    const missing =
      (error as NodeJS.ErrnoException).code === 'ENOENT' || (await stat(path).catch(() => undefined)) === undefined;
    const what = missing ? 'There is no seal key file' : 'Cannot read the seal key file';
    throw new SealError(`${what} ${path}. Put it back from its backup, or ask for a new one for a new store.`, {
      cause: error,
    });
  }
}

function decodeKey(path: string, content: Buffer): Buffer {
  if (content.length === keyBytes) return content;
  const text = content.toString('latin1').trim();
  const key = Buffer.from(text, 'base64');
  content.fill(0);
  if (key.length === keyBytes && key.toString('base64') === text) return key;
  throw new SealError(
    `The seal key file ${path} does not hold 32 bytes, raw or as base64. Put it back from its backup.`,
  );
}
