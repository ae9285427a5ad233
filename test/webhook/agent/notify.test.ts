import { mkdirSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { notifyProcesses } from '../../../webhook/agent/notify.ts';
import { aFolder, aLog } from '../support/agent.ts';

function aProc(processes: readonly [pid: number, name: string, parent: number][]): string {
  const folder = aFolder();
  for (const [pid, name, parent] of processes) {
    mkdirSync(join(folder, String(pid)));
    writeFileSync(join(folder, String(pid), 'stat'), `${pid} (${name}) S ${parent} 1 1 0`);
  }
  mkdirSync(join(folder, 'sys'));
  return folder;
}

test('the master of a program is signalled, and neither its workers nor programs of other names', () => {
  const procDir = aProc([
    [1, 'pause', 0],
    [7, 'nginx', 1],
    [8, 'nginx', 7],
    [9, 'nginx) S 1 (x', 1],
    [12, 'nginx', 1],
  ]);
  const sent: [number, string][] = [];
  const log = aLog();
  notifyProcesses({ process: 'nginx', signal: 'SIGHUP' }, { log, procDir, kill: (...args) => void sent.push(args) });
  expect(sent).toEqual([
    [7, 'SIGHUP'],
    [12, 'SIGHUP'],
  ]);
});

test('a signal that cannot be sent, and a program that does not run, are said and do no harm', () => {
  const log = aLog();
  const kill = (): never => {
    throw Object.assign(new Error('no'), { code: 'EPERM' });
  };
  notifyProcesses({ process: 'nginx', signal: 'SIGHUP' }, { log, procDir: aProc([[7, 'nginx', 1]]), kill });
  notifyProcesses({ process: 'absent', signal: 'SIGHUP' }, { log, procDir: aProc([]), kill });
  expect(log.lines[0]).toContain('EPERM');
  expect(log.lines[1]).toContain('no process of this name');
});

test('a real process hears it', async () => {
  // A process has the name of its file, also of a script.
  const program = join(aFolder(), 'kaap-sigtest');
  writeFileSync(program, "#!/bin/sh\ntrap 'exit 7' USR2\necho up\nwhile :; do sleep 0.05; done\n", { mode: 0o755 });
  const child = spawn(program, { stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  notifyProcesses({ process: 'kaap-sigtest', signal: 'SIGUSR2' }, { log: aLog() });
  expect((await once(child, 'exit'))[0]).toBe(7);
});
