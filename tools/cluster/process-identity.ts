// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** A process that was started here. A pid alone may have passed to another process since; with its start it may not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When the process began, in the words of the operating system. */
  readonly startedAt: string;
}

/** Names a running process so that it can be recognised later. Throws when there is none of this pid. */
export function identify(pid: number): ProcessIdentity {
  const startedAt = startOf(pid);
  if (startedAt === undefined) throw new Error(`no process ${pid}`);
  return { pid, startedAt };
}

/** Whether the very process still runs; one that has ended and waits for its parent does not. */
export function isRunning(process: ProcessIdentity): boolean {
  return startOf(process.pid) === process.startedAt;
}

/** Ends a process: SIGTERM, then SIGKILL after the grace. Does nothing when it runs no more or was never ours. */
export async function end(target: ProcessIdentity, graceMs: number): Promise<void> {
  const signals: readonly (readonly [NodeJS.Signals, number])[] = [
    ['SIGTERM', graceMs],
    ['SIGKILL', 5_000],
  ];
  for (const [signal, waitMs] of signals) {
    if (!isRunning(target)) return;
    process.kill(target.pid, signal);
    const deadline = Date.now() + waitMs;
    while (isRunning(target) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function startOf(pid: number): string | undefined {
  try {
    if (!existsSync('/proc/self/stat')) {
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined;
    }
    // proc(5): field 2 is the name in brackets, which may hold anything; state is field 3, start time field 22.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const isOver = fields[0] === 'Z' || fields[0] === 'X';
    return isOver && !hasThreads(pid) ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** Whether others than the first thread are left: while they end, the process still holds its ports and files. */
function hasThreads(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).length > 1;
}
