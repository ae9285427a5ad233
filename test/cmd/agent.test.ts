import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { aFolder, anAgentConfig } from '../webhook/support/agent.ts';

const root = join(import.meta.dirname, '../..');
const compiler = ['musl-gcc', 'gcc', 'cc'].find((name) => spawnSync(name, ['--version']).status === 0);

function run(config: string): Promise<{ code: number | null; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, 'src/cmd/agent.ts')], {
      env: { PATH: process.env['PATH'], KAAP_AGENT_CONFIG: config },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.once('exit', (code) => resolve({ code, stderr }));
    onTestFinished(() => void child.kill('SIGKILL'));
  });
}

describe('the agent as a process', () => {
  test('says what is wrong with its configuration and ends with status 1', async () => {
    const { code, stderr } = await run('{"version":2}');
    expect(code).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ level: 'error', name: 'agent', reason: 'version must be 1' });
  });

  test('waits for a KMS that is away, and ends at once with status 0 when it is told to', async () => {
    const config = { ...anAgentConfig(aFolder()), endpoint: 'https://127.0.0.1:1' };
    const child = spawn(process.execPath, [join(root, 'src/cmd/agent.ts')], {
      env: { KAAP_AGENT_CONFIG: JSON.stringify(config) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const [line] = (await once(child.stderr, 'data')) as [Buffer];
    expect(line.toString()).toContain('secrets are not in place yet');
    const started = performance.now();
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number | null];
    expect(code).toBe(0);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test.skipIf(compiler === undefined)('becomes the static program to hold (needs a C compiler)', async () => {
    const folder = aFolder();
    const program = join(folder, 'kaap-exec');
    execFileSync(compiler ?? '', ['-Os', '-static', '-o', program, join(root, 'webhook/exec/kaap-exec.c')]);
    const script = `import { holdUntil } from ${JSON.stringify(join(root, 'webhook/agent/hold.ts'))};
      await holdUntil(new AbortController().signal, ${JSON.stringify(program)});`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
    onTestFinished(() => void child.kill('SIGKILL'));
    const command = (): string => readFileSync(`/proc/${child.pid}/cmdline`, 'utf8');
    for (let waited = 0; waited < 5000 && !command().startsWith('kaap-exec'); waited += 50) await sleep(50);
    expect(command()).toBe('kaap-exec\0hold\0');
    const memory = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]);
    expect(memory).toBeLessThan(1024);
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number | null];
    expect(code).toBe(0);
  });
});
