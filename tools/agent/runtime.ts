// SPDX-License-Identifier: Apache-2.0
/** The agent of pods as one executable: Bun with the program compiled into it (docs/adr/0025-agent-on-bun.md). */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Processor as Node names it → the package that brings Bun for it. */
const packages: Readonly<Record<string, string>> = { x64: '@oven/bun-linux-x64', arm64: '@oven/bun-linux-aarch64' };

/** What the image says to Bun, in the environment of the agent. */
export const agentEnvironment: Readonly<Record<string, string>> = {
  BUN_JSC_useJIT: 'false',
  BUN_GC_TIMER_DISABLE: '1',
};

/** The package of Bun for a machine, this one unless given. Throws where there is none: the agent runs on Linux only. */
export function bunPackage(platform: string = process.platform, processor: string = process.arch): string {
  const name = platform === 'linux' ? packages[processor] : undefined;
  if (name !== undefined) return name;
  throw new Error(`The agent is built on Linux for x64 or arm64, not on ${platform} for ${processor}.`);
}

/** Path of Bun. Throws, with what to do, when it is not installed. */
export function bunProgram(checkout: string): string {
  const program = join(checkout, 'node_modules', bunPackage(), 'bin/bun');
  if (existsSync(program)) return program;
  throw new Error(`${bunPackage()} is not installed. Run npm ci, with optional dependencies and on glibc.`);
}

/**
 * Compiles the agent into `outfile`, and gives that path. The same sources give the same bytes. Neither `.env` nor
 * `bunfig.toml` of the folder that it starts in has a say in what it does.
 */
export function compileAgent(checkout: string, outfile: string = join(checkout, 'dist/kaap-agent')): string {
  mkdirSync(dirname(outfile), { recursive: true });
  const options = ['--compile', '--bytecode', '--minify-syntax', '--sourcemap'];
  // It mostly waits, so it gives up speed for memory.
  const frugal = ['--compile-exec-argv=--smol'];
  const deaf = ['--no-compile-autoload-dotenv', '--no-compile-autoload-bunfig'];
  execFileSync(
    bunProgram(checkout),
    ['build', ...options, ...frugal, ...deaf, 'src/cmd/agent.ts', '--outfile', outfile],
    {
      cwd: checkout,
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  return outfile;
}
