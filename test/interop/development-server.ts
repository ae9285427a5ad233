import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseEnv } from 'node:util';

const startDeadlineMs = 30_000;

/** `kaap serve --dev --write-env FILE` as its users start it: a process of its own. */
export interface DevelopmentServer {
  /** What the file says, and nothing else. */
  readonly variables: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export async function startDevelopmentServer(): Promise<DevelopmentServer> {
  const folder = await mkdtemp(join(tmpdir(), 'kaap-interop-'));
  const file = join(folder, 'kaap.env');
  const command = join(import.meta.dirname, '../../src/cmd/kaap.ts');
  const server = spawn(process.execPath, [command, 'serve', '--dev', '--write-env', file], { stdio: 'ignore' });
  const ended = once(server, 'exit');
  const close = async (): Promise<void> => {
    server.kill();
    await ended;
    await rm(folder, { recursive: true });
  };
  try {
    return { variables: await readWhenComplete(file, () => server.exitCode !== null), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readWhenComplete(file: string, hasEnded: () => boolean): Promise<Record<string, string>> {
  const deadline = Date.now() + startDeadlineMs;
  while (Date.now() < deadline && !hasEnded()) {
    const text = await readFile(file, 'utf8').catch(() => '');
    if (/^KAAP_PID=\d+\n/m.test(text)) return parseEnv(text) as Record<string, string>;
    await setTimeout(50);
  }
  throw new Error('kaap serve --dev has not written its environment.');
}
