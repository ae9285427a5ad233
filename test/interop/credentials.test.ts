import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileStatic } from '../../tools/images/archive.ts';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const hasCompiler = succeeds('musl-gcc', ['--version']);
const reason = isRoot && hasCompiler ? '' : ' (skipped: needs root and musl-gcc, for an address of its own)';

function succeeds(program: string, parameters: string[]): boolean {
  try {
    execFileSync(program, parameters, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kaap-address-'));
  if (reason === '') compileStatic('src/metadata/address/metadata-address.c', join(folder, 'metadata-address'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What `@alicloud/credentials` gets as a pod of the namespace. */
async function sdkIn(namespace: string): Promise<{ ecs: string; uri: string }> {
  const claim = `ip link set lo up && ${folder}/metadata-address claim 100.100.100.200`;
  const script = `${claim} && exec ${process.execPath} test/interop/metadata-credentials.ts ${namespace}`;
  const { stdout } = await run('unshare', ['--net', 'sh', '-c', script], { timeout: 100_000 });
  return JSON.parse(stdout) as { ecs: string; uri: string };
}

describe.skipIf(reason !== '')(`@alicloud/credentials, unmodified, at 100.100.100.200${reason}`, () => {
  test(
    'has the ECS RAM role of the node, and by URI the role of its own service account',
    { timeout: 120_000 },
    async () => {
      expect(await sdkIn('shop')).toEqual({ ecs: 'value of nodes/db', uri: 'value of shop/db' });
    },
  );

  test('has none in a namespace that is excluded', { timeout: 120_000 }, async () => {
    const { ecs, uri } = await sdkIn('bank');
    expect(ecs).toMatch(/^nothing: /);
    expect(uri).toMatch(/^nothing: /);
  });
});
