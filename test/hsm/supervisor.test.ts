import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { superviseWorker } from '../../src/hsm/supervisor.ts';
import { silentLogger } from '../../src/lib/log.ts';

const folder = mkdtempSync(join(tmpdir(), 'kaap-supervisor-'));

describe('The supervisor of the hsm worker', () => {
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    ['dies', 'if (lives.length === 1) process.exit(70);'],
    ['hangs', "process.send('alive'); if (lives.length === 1) for (;;);"],
  ])('F1: starts a worker again that %s, and ends with the one that lives', async (_name, first) => {
    const lives = join(folder, 'lives');
    const program = join(folder, 'worker.mjs');
    const source = [
      "import { appendFileSync, readFileSync } from 'node:fs';",
      `appendFileSync(${JSON.stringify(lives)}, 'x');`,
      `const lives = readFileSync(${JSON.stringify(lives)}, 'utf8');`,
      first,
      "setInterval(() => process.send('alive'), 20);",
    ];
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    writeFileSync(program, source.join('\n'));
    const stopping = new AbortController();
    const options = { program, hangMs: 1000, startMs: 20_000, log: silentLogger, signal: stopping.signal };
    const supervised = superviseWorker(options);
    await expect.poll(() => readFileSync(lives, { encoding: 'utf8', flag: 'a+' }), { timeout: 15_000 }).toBe('xx');
    stopping.abort();
    await supervised;
  });
});
