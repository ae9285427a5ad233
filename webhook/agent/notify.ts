import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentLog } from './source-value.ts';

/** A signal that a binding asks for. */
export interface AgentSignal {
  /** Name of the program, as in `/proc/<pid>/comm`. */
  process: string;
  signal: 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2' | 'SIGINT' | 'SIGTERM';
}

export interface NotifyOptions {
  log: AgentLog;
  /** Where processes are; `/proc` unless given. */
  procDir?: string;
  kill?: (pid: number, signal: NodeJS.Signals) => void;
}

/**
 * Sends a signal to a program of the pod: to its processes whose parent is not one of them, such as the master of nginx.
 * Logs what it did; a program that does not run has nothing to be told.
 */
export function notifyProcesses(
  { process: name, signal }: AgentSignal,
  { log, procDir = '/proc', kill = (pid, sent) => void process.kill(pid, sent) }: NotifyOptions,
): void {
  const found = processesNamed(name, procDir);
  const pids = new Set(found.map(({ pid }) => pid));
  for (const { pid } of found.filter(({ parent }) => !pids.has(parent))) {
    try {
      kill(pid, signal);
      log.info({ process: name, pid, signal }, 'signal sent');
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
      log.warn({ process: name, pid, signal, reason }, 'the signal could not be sent');
    }
  }
  if (found.length === 0) log.warn({ process: name }, 'no process of this name runs in the pod; no signal was sent');
}

function processesNamed(name: string, procDir: string): { pid: number; parent: number }[] {
  const pids = readdirSync(procDir)
    .filter((entry) => /^[1-9]\d*$/.test(entry))
    .map(Number);
  return pids
    .toSorted((a, b) => a - b)
    .flatMap((pid) => {
      const stat = readStat(join(procDir, String(pid), 'stat'));
      return stat?.name === name ? [{ pid, parent: stat.parent }] : [];
    });
}

/** proc_pid_stat(5): `pid (comm) state ppid …`, where comm may hold anything, parentheses too. */
function readStat(path: string): { name: string; parent: number } | undefined {
  try {
    const [, name, parent] = /^\d+ \((.*)\) \S (\d+) /s.exec(readFileSync(path, 'utf8')) ?? [];
    return name === undefined ? undefined : { name, parent: Number(parent) };
  } catch {
    return undefined;
  }
}
