import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SecretBytes } from '../../../src/lib/secret-bytes.ts';
import { formatEnvFile } from '../../../webhook/agent/env-file.ts';
import { formatEnvironFile } from '../../../webhook/agent/environ-file.ts';

const compiler = ['musl-gcc', 'gcc', 'cc'].find((name) => spawnSync(name, ['--version']).status === 0);
const folder = mkdtempSync(join(tmpdir(), 'kaap-exec-'));
const program = join(folder, 'kaap-exec');

beforeAll(() => {
  if (compiler === undefined) return;
  const source = join(import.meta.dirname, '../../../webhook/exec/kaap-exec.c');
  execFileSync(compiler, ['-Os', '-static', '-s', '-Wall', '-Wextra', '-Werror', '-o', program, source]);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode;
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(program, args, { encoding: 'utf8', timeout: 10_000, env: { PATH: process.env['PATH'] } });
}

describe.skipIf(compiler === undefined)('kaap-exec (needs a C compiler)', () => {
  test.skipIf(compiler !== 'musl-gcc')('is at most 40 KB (needs musl-gcc)', () => {
    expect(statSync(program).size).toBeLessThanOrEqual(40 * 1024);
  });

  test('wait returns at once for a file that is there', () => {
    writeFileSync(join(folder, 'there'), '');
    expect(run('wait', join(folder, 'there')).status).toBe(0);
  });

  test('wait returns within 100 ms of the file, be it made or moved there', async () => {
    for (const name of ['made', 'moved']) {
      const path = join(folder, name);
      const child = spawn(program, ['wait', path]);
      await sleep(150);
      expect(child.exitCode).toBeNull();
      const started = performance.now();
      if (name === 'made') writeFileSync(path, '');
      else execFileSync('mv', [join(folder, 'made'), path]);
      expect(await exitOf(child)).toBe(0);
      expect(performance.now() - started).toBeLessThan(500);
    }
  });

  test('wait gives up after the time it was given, with 124', () => {
    const started = performance.now();
    expect(run('wait', join(folder, 'never'), '1').status).toBe(124);
    expect(performance.now() - started).toBeGreaterThanOrEqual(990);
  });

  test('wait also works where the folder does not exist yet', async () => {
    const child = spawn(program, ['wait', join(folder, 'new', 'file'), '10']);
    await sleep(100);
    execFileSync('mkdir', [join(folder, 'new')]);
    writeFileSync(join(folder, 'new', 'file'), '');
    expect(await exitOf(child)).toBe(0);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('hold ends on %s at once, with 0', async (signal) => {
    const child = spawn(program, ['hold']);
    await sleep(100);
    expect(child.exitCode).toBeNull();
    child.kill(signal);
    expect(await exitOf(child)).toBe(0);
  });

  test('exec sets the variables of an env file exactly as they were, and becomes the command', () => {
    const variables = { A: 'x', MULTI: 'a\nB=evil\n# c', DOLLAR: '$(HOME) $$ \\ "', SPACE: '  x\t', TEXT: 'äöü€' };
    const file = join(folder, 'env');
    writeFileSync(
      file,
      formatEnvFile(new Map(Object.entries(variables).map(([name, value]) => [name, SecretBytes.fromUtf8(value)]))),
    );
    const { status, stdout } = run('exec', '--env-file', file, '--', 'env', '-0');
    expect(status).toBe(0);
    const seen = Object.fromEntries(
      stdout.split('\0').map((entry) => entry.split(/=(.*)/s).slice(0, 2)) as [string, string][],
    );
    expect(seen).toMatchObject(variables);
    expect(Object.keys(seen)).not.toContain('B');
  });

  test('A7: exec --environ sets any bytes that Linux can pass, exactly, and becomes the command', () => {
    const long = 'x'.repeat(100 * 1024);
    const variables = new Map<string, Buffer>([
      ['QUOTES', Buffer.from(`it's "$(HOME)" \`id\` \\`)],
      ['LINES', Buffer.from('a\r\nB=evil\n')],
      ['BYTES', Buffer.from([0xff, 0xfe, 0x80])],
      ['EMPTY', Buffer.alloc(0)],
      ['LONG', Buffer.from(long)],
      ['MORE', Buffer.from(long)],
    ]);
    const file = join(folder, 'environ');
    writeFileSync(
      file,
      formatEnvironFile(new Map([...variables].map(([name, value]) => [name, new SecretBytes(Buffer.from(value))]))),
    );
    const { status, stdout } = spawnSync(program, ['exec', '--environ', file, '--', 'env', '-0'], {
      env: { PATH: process.env['PATH'], EMPTY: 'before' },
      maxBuffer: 4 * 1024 * 1024,
    });
    expect(status).toBe(0);
    const seen = new Map<string, Buffer>();
    for (let at = 0; at < stdout.length;) {
      const end = stdout.indexOf(0, at);
      const equals = stdout.indexOf('=', at);
      seen.set(stdout.subarray(at, equals).toString(), stdout.subarray(equals + 1, end));
      at = end + 1;
    }
    for (const [name, value] of variables) expect(seen.get(name)?.equals(value), name).toBe(true);
    expect(seen.has('B')).toBe(false);
  });

  test("exec --environ keeps the process: its id, its signals and its status are the command's", async () => {
    const file = join(folder, 'environ-empty');
    writeFileSync(file, '');
    const child = spawn(program, [
      'exec',
      '--environ',
      file,
      '--',
      'sh',
      '-c',
      'trap "exit 9" TERM; echo $$; while :; do sleep 0.05; done',
    ]);
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    expect(Number(line.toString())).toBe(child.pid);
    child.kill('SIGTERM');
    expect(await exitOf(child)).toBe(9);
  });

  test.each([
    ['no NUL at its end', 'A=canary'],
    ['an entry without a value', 'canary\0'],
    ['an entry without a name', '=canary\0'],
    ['more than 1 MiB', `A=${'x'.repeat(1024 * 1024)}\0`],
  ])('exec --environ refuses a file with %s, without showing it', (_, content) => {
    const file = join(folder, 'bad-environ');
    writeFileSync(file, content);
    const { status, stderr } = run('exec', '--environ', file, '--', 'true');
    expect(status).toBe(125);
    expect(stderr).not.toMatch(/canary|xxx/);
    expect(stderr).toContain(file);
  });

  test('exec passes arguments, and the status of the command', () => {
    const file = join(folder, 'env-empty');
    writeFileSync(file, '# nothing\n\n');
    expect(run('exec', '--env-file', file, '--', 'sh', '-c', 'exit $1', 'sh', '7').status).toBe(7);
  });

  test.each([
    ['no closing quote', "A='canary\n"],
    ['no quotes', 'A=canary\n'],
    ['something after the quote', "A='can'ary\n"],
    ['no name', "='canary'\n"],
    ['NUL', "A='can\0ary'\n"],
    ['more than 64 KiB', `A='${'x'.repeat(65_536)}'\n`],
  ])('exec refuses a file with %s, without showing it', (_, content) => {
    const file = join(folder, 'bad');
    writeFileSync(file, content);
    const { status, stderr } = run('exec', '--env-file', file, '--', 'true');
    expect(status).toBe(125);
    expect(stderr).not.toMatch(/canary|can'ary|xxx/);
    expect(stderr).toContain(file);
  });

  test('exec says when there is no such command, as shells do', () => {
    const file = join(folder, 'env-empty');
    writeFileSync(file, '');
    expect(run('exec', '--env-file', file, '--', './nothing').status).toBe(127);
    expect(run('exec', '--env-file', file, '--', folder).status).toBe(126);
  });

  test.each([[[]], [['wait']], [['wait', 'f', '-1']], [['hold', 'x']], [['exec', '--env-file', 'f', '--']]])(
    'the arguments %j are answered with the usage',
    (args) => {
      const { status, stderr } = run(...args);
      expect(status).toBe(64);
      expect(stderr).toContain('usage:');
    },
  );
});
