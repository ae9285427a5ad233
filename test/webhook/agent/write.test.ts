import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeInPlace } from '../../../webhook/agent/write.ts';
import { aFolder } from '../support/agent.ts';

describe('writing in place', () => {
  test('makes folders that others can enter, and a file of exactly the mode asked for', async () => {
    const folder = aFolder();
    const path = join(folder, 'a', 'b', 'c');
    expect(await writeInPlace(path, Buffer.from('x'), 0o440)).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o440);
    expect(statSync(join(folder, 'a', 'b')).mode & 0o777).toBe(0o755);
    expect(readdirSync(join(folder, 'a', 'b'))).toEqual(['c']);
  });

  test('shows the old content or the new to a reader, never a part', async () => {
    const path = join(aFolder(), 'f');
    const contents = ['a', 'b'].map((letter) => letter.repeat(200_000));
    await writeInPlace(path, Buffer.from(contents[0] ?? ''), 0o444);
    const writing = new AbortController();
    const reader = (async () => {
      while (!writing.signal.aborted) expect(contents).toContain(await readFile(path, 'utf8'));
    })();
    for (let round = 0; round < 30; round++) await writeInPlace(path, Buffer.from(contents[round % 2] ?? ''), 0o444);
    writing.abort();
    await reader;
  });

  test('does nothing for the same content', async () => {
    const path = join(aFolder(), 'f');
    await writeInPlace(path, Buffer.from('x'), 0o444);
    const before = statSync(path).ino;
    expect(await writeInPlace(path, Buffer.from('x'), 0o444)).toBe(false);
    expect(statSync(path).ino).toBe(before);
  });

  test('leaves nothing behind and the old file as it was when it fails', async () => {
    const folder = aFolder();
    const path = join(folder, 'f');
    mkdirSync(path);
    writeFileSync(join(path, 'keep'), 'x');
    chmodSync(path, 0o755);
    await expect(writeInPlace(path, Buffer.from('y'), 0o444)).rejects.toThrow();
    expect(readdirSync(folder)).toEqual(['f']);
    expect(readFileSync(join(path, 'keep'), 'utf8')).toBe('x');
  });
});
