import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../storage/temporary-directory.ts';

describe('The heap of a sealed service', () => {
  it('H4, E9: holds no secret, plaintext, key material or seal key', async () => {
    const directory = await temporaryDirectory();
    const program = spawn(process.execPath, [join(import.meta.dirname, 'sealed-heap-program.ts'), directory.path], {
      stdio: 'inherit',
    });
    expect(await once(program, 'exit')).toEqual([0, null]);
    const { decoy, canaries } = JSON.parse(await readFile(join(directory.path, 'canaries.json'), 'utf8')) as {
      decoy: string;
      canaries: string[];
    };
    const snapshot = await readFile(join(directory.path, 'sealed.heapsnapshot'), 'utf8');
    await directory.remove();
    expect(snapshot.includes(decoy)).toBe(true);
    expect(canaries.length).toBeGreaterThanOrEqual(4);
    const found = canaries.filter((canary) =>
      [canary, Buffer.from(canary, 'base64').toString('latin1')].some((form) => snapshot.includes(form)),
    );
    expect(found.length).toBe(0);
  });
});
