import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { temporaryPrefix } from '../layout.ts';

/**
 * Puts a file in place in one step: readers see the old content or the new, never a part. Nothing is done when it is
 * there already. Volumes are memory, so there is nothing to flush. Gives whether anything changed.
 */
export async function writeInPlace(path: string, content: Uint8Array, mode: number): Promise<boolean> {
  if (await holds(path, content)) return false;
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const temporary = join(folder, `${temporaryPrefix}${randomBytes(8).toString('hex')}`);
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.chmod(mode);
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return true;
}

async function holds(path: string, content: Uint8Array): Promise<boolean> {
  try {
    const present = await readFile(path);
    const same = present.equals(content);
    present.fill(0);
    return same;
  } catch {
    return false;
  }
}
