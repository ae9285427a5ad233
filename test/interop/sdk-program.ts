import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../../tools/cluster/cache-folder.ts';

const execute = promisify(execFile);

/** What a program called, by name: what the SDK gave it, or `{error, message}`. */
export type Answers = Readonly<Record<string, unknown>>;

/** Whether a command is there. */
export function has(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A folder outside the checkout for what is downloaded and compiled once. */
export function interopCache(...below: string[]): string {
  const folder = cacheFolder('interop', ...below);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Runs a program against a server; it prints its answers as JSON on the last line. */
export async function runProgram(
  command: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<Answers> {
  const { PATH = '', HOME = '', TMPDIR = '' } = process.env;
  const env = { PATH, HOME, ...(TMPDIR === '' ? {} : { TMPDIR }), ...variables };
  const { stdout } = await execute(command, args, { env, timeout: 60_000, maxBuffer: 1 << 24 });
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Answers;
}

/** Compiles the Go program in `go/<sdk>`; its modules are pinned by go.sum. Returns the path of the binary. */
export async function buildGo(sdk: string): Promise<string> {
  const binary = join(interopCache('go'), sdk);
  await execute('go', ['build', '-mod=readonly', '-o', binary, '.'], { cwd: join(import.meta.dirname, 'go', sdk) });
  return binary;
}
