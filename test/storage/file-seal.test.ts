import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFileSeal } from '../../src/storage/file-seal.ts';
import { SealError } from '../../src/ports/seal.ts';
import { temporaryDirectory } from './temporary-directory.ts';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let path: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
  path = join(directory.path, 'seal.key');
});
afterEach(() => directory.remove());

describe('the file seal', () => {
  it('unwraps what it wrapped, with the key raw or as base64', async () => {
    const key = randomBytes(32);
    await writeFile(path, key, { mode: 0o600 });
    const rootKey = randomBytes(32);
    const wrapped = await (await openFileSeal(path)).wrap(rootKey);
    expect(wrapped.includes(rootKey)).toBe(false);
    await writeFile(path, `${key.toString('base64')}\n`);
    expect(await (await openFileSeal(path)).unwrap(wrapped)).toEqual(rootKey);
  });

  it('makes a key file with mode 0600 only when asked, and never replaces one', async () => {
    await expect(openFileSeal(path)).rejects.toThrow(/There is no seal key file/);
    const wrapped = await (await openFileSeal(path, { createIfMissing: true })).wrap(Buffer.alloc(32, 1));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const content = await readFile(path);
    const again = await openFileSeal(path, { createIfMissing: true });
    expect(await readFile(path)).toEqual(content);
    expect(await again.unwrap(wrapped)).toEqual(Buffer.alloc(32, 1));
  });

  it.each([0o644, 0o604, 0o602, 0o620, 0o666])('refuses a key file of mode %o', async (mode) => {
    await writeFile(path, randomBytes(32));
    await chmod(path, mode);
    await expect(openFileSeal(path)).rejects.toThrow(/has mode 0[0-7]{3}\. Run chmod 600/);
  });

  it.each([0o600, 0o400, 0o640, 0o440])('accepts a key file of mode %o', async (mode) => {
    await writeFile(path, randomBytes(32));
    await chmod(path, mode);
    expect((await openFileSeal(path)).kind).toBe('file');
  });

  it('refuses a file that does not hold 32 bytes, without showing them', async () => {
    for (const content of ['', 'short', `${randomBytes(31).toString('base64')}\n`, 'x'.repeat(44)]) {
      await writeFile(path, content, { mode: 0o600 });
      const error: unknown = await openFileSeal(path).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(SealError);
      if (content !== '') expect(String(error)).not.toContain(content.trim());
    }
  });

  it('says which file is the wrong one when another key wrapped the root key', async () => {
    const wrapped = await (await openFileSeal(path, { createIfMissing: true })).wrap(Buffer.alloc(32));
    await writeFile(path, randomBytes(32));
    await expect((await openFileSeal(path)).unwrap(wrapped)).rejects.toThrow(`seal key in ${path} is not the one`);
  });
});
