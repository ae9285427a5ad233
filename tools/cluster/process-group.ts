// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { end, identify, isRunning } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** A component that ended or did not become ready. The message ends with the end of its log. */
export class ComponentError extends Error {
  readonly component: string;

  constructor(component: string, reason: string, logTail: string) {
    super(`${component} ${reason}; the end of its log:\n${logTail}`);
    this.name = 'ComponentError';
    this.component = component;
  }
}

/** Named processes with a log each, recorded in a folder so that a later run finds and ends exactly these. */
export class ProcessGroup {
  readonly #folder: string;
  readonly #prefix: readonly string[];

  /** `prefix` goes before every command line, for example to enter a namespace; it must end in an exec. */
  constructor(folder: string, prefix: readonly string[] = []) {
    this.#folder = folder;
    this.#prefix = prefix;
  }

  /** Starts `name` unless it runs already; its output goes to its log. */
  start(name: string, command: readonly string[], env: Readonly<Record<string, string>> = {}): void {
    if (this.isRunning(name)) return;
    const [program = '', ...args] = [...this.#prefix, ...command];
    mkdirSync(join(this.#folder, 'logs'), { recursive: true });
    const log = openSync(this.logPath(name), 'a', 0o600);
    const child = spawn(program, args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...env },
    });
    closeSync(log);
    child.on('error', (error) => writeFileSync(this.logPath(name), `${error.message}\n`, { flag: 'a' }));
    child.unref();
    if (child.pid === undefined) throw new ComponentError(name, 'cannot be started', program);
    this.#record({ ...this.all(), [name]: identify(child.pid) });
  }

  /** Whether the process that was started under this name still runs. */
  isRunning(name: string): boolean {
    const known = this.all()[name];
    return known !== undefined && isRunning(known);
  }

  /** Every process that was started here, running or not, in the order of their first start. */
  all(): Record<string, ProcessIdentity> {
    if (!existsSync(this.#recordPath)) return {};
    return JSON.parse(readFileSync(this.#recordPath, 'utf8')) as Record<string, ProcessIdentity>;
  }

  /** Ends one process, or every one, the last started first, each with a grace before it is killed. */
  async stop(graceMs: number, names: readonly string[] = Object.keys(this.all()).toReversed()): Promise<void> {
    for (const name of names) {
      const known = this.all()[name];
      if (known) await end(known, graceMs);
    }
  }

  /** Polls `check` until it holds. Throws a ComponentError as soon as `name` has ended, or when time is up. */
  async waitFor(name: string, check: () => boolean | Promise<boolean>, timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!(await check())) {
      if (!this.isRunning(name)) throw new ComponentError(name, 'ended', this.logTail(name));
      if (Date.now() > deadline) throw new ComponentError(name, `was not ready in ${timeoutMs} ms`, this.logTail(name));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  logPath(name: string): string {
    return join(this.#folder, 'logs', `${name}.log`);
  }

  logTail(name: string, lines = 20): string {
    if (!existsSync(this.logPath(name))) return '(empty)';
    return readFileSync(this.logPath(name), 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }

  get #recordPath(): string {
    return join(this.#folder, 'processes.json');
  }

  #record(processes: Readonly<Record<string, ProcessIdentity>>): void {
    writeFileSync(`${this.#recordPath}.new`, JSON.stringify(processes, null, 2));
    renameSync(`${this.#recordPath}.new`, this.#recordPath);
  }
}
