import { fork, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../lib/log.ts';

export interface SupervisorOptions {
  /** Program of the worker, and the arguments of Node for it. */
  program: string;
  execArgv?: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** Milliseconds without a sign of life after which the worker is killed. */
  hangMs: number;
  /** Milliseconds that the module may take to open. */
  startMs: number;
  log: Logger;
  signal: AbortSignal;
}

const firstPauseMs = 50;
const longestPauseMs = 5000;
/** A worker that lived that long was not a failed start. */
const steadyMs = 10_000;

/**
 * Keeps one worker alive: the process that has the vendor's module in its memory. One that dies is started again, one that
 * gives no sign of life is killed first. Returns when `signal` fires and the worker has ended.
 */
export async function superviseWorker(options: SupervisorOptions): Promise<void> {
  const { log, signal } = options;
  let pauseMs = firstPauseMs;
  while (!signal.aborted) {
    const startedAt = performance.now();
    const ending = await runWorker(options);
    if (signal.aborted) return;
    log.warn({ ending }, 'the process with the PKCS#11 module ended and is started again');
    pauseMs = performance.now() - startedAt > steadyMs ? firstPauseMs : Math.min(pauseMs * 2, longestPauseMs);
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Runs one worker to its end, and says how it ended. */
function runWorker({ program, execArgv = [], env, hangMs, startMs, signal }: SupervisorOptions): Promise<string> {
  const worker: ChildProcess = fork(program, [], {
    execArgv: [...execArgv],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    ...(env !== undefined && { env }),
  });
  let lastBeat = performance.now() + startMs - hangMs;
  worker.on('message', () => (lastBeat = performance.now()));
  const watch = setInterval(
    () => {
      if (performance.now() - lastBeat > hangMs) worker.kill('SIGKILL');
    },
    Math.max(10, hangMs / 4),
  );
  const stop = (): void => void worker.kill('SIGTERM');
  signal.addEventListener('abort', stop);
  return new Promise((resolve) => {
    worker.once('exit', (code, name) => {
      clearInterval(watch);
      signal.removeEventListener('abort', stop);
      resolve(name ?? `status ${code}`);
    });
    worker.once('error', () => undefined);
  });
}
