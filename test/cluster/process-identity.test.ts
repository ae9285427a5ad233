import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { end, identify, isRunning } from '../../tools/cluster/process-identity.ts';

/** A process whose first thread has ended and whose second holds what it holds: so looks one that is being killed. */
const program = `
#include <pthread.h>
#include <unistd.h>
static void *hold(void *nothing) { sleep(60); return nothing; }
int main(void) {
  pthread_t other;
  if (pthread_create(&other, 0, hold, 0) != 0) return 1;
  write(1, "held", 4);
  pthread_exit(0);
}
`;
const compiler = ['gcc', 'cc', 'musl-gcc'].find((name) => spawnSync(name, ['--version']).status === 0);

describe.skipIf(compiler === undefined || process.platform !== 'linux')(
  'a process whose first thread has ended (needs a C compiler and Linux)',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'kaap-process-identity-'));
    const path = join(folder, 'held');

    beforeAll(() => {
      writeFileSync(`${path}.c`, program);
      const built = spawnSync(`${compiler}`, ['-pthread', '-o', path, `${path}.c`], { encoding: 'utf8' });
      if (built.status !== 0) throw new Error(built.stderr);
    });

    afterAll(() => rmSync(folder, { recursive: true }));

    test('runs until the last of its threads has ended', async () => {
      const child = spawn(path, { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      const pid = child.pid ?? 0;
      const identity = identify(pid);
      while (!readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')) await new Promise(setImmediate);
      expect(isRunning(identity)).toBe(true);
      const gone = once(child, 'exit');
      await end(identity, 0);
      await gone;
      expect(isRunning(identity)).toBe(false);
    });
  },
);
