import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processNames } from '../../../tools/bundle.ts';
import { stageRuntime } from '../../../tools/images/context.ts';
import { makeKmsHome, startKmsProcess } from '../../support/kms-process.ts';

const checkout = resolve(import.meta.dirname, '../../..');
let context: string;
beforeAll(() => {
  context = mkdtempSync(join(tmpdir(), 'kaap-context-'));
  stageRuntime(checkout, context);
});
afterAll(() => rmSync(context, { recursive: true }));

const program = (name: string): string => join(context, 'app/dist/processes', `${name}.js`);

/** Runs a program as the container does, but without a setting: what it says is what it is missing. */
function runWithout(name: string, environment: Record<string, string> = {}): { status: number | null; stderr: string } {
  return spawnSync(join(context, 'node'), [program(name)], { env: environment, encoding: 'utf8' });
}

describe('The build context of the runtime image', () => {
  it('has every program that the Dockerfile and the chart start', () => {
    const texts = ['Dockerfile', 'charts/kaap/templates/_hsm.tpl'].map((path) =>
      readFileSync(join(checkout, path), 'utf8'),
    );
    const started = [...texts.join('').matchAll(/dist\/processes\/([a-z-]+)\.js/g)].map(([, name]) => name ?? '');
    expect(started.length).toBeGreaterThan(6);
    for (const name of started) expect(existsSync(program(name)), name).toBe(true);
  });

  it.each(processNames.filter((name) => name !== 'kaap'))('starts %s without sources and packages', (name) => {
    const { status, stderr } = runWithout(name);
    expect(stderr).toMatch(/^The configuration is not usable. Set these environment variables:\n {2}[A-Z_]+: /);
    expect(status).toBe(2);
  });

  it('has kaap where a container’s path looks for it', () => {
    const { status, stdout } = spawnSync(join(context, 'node'), [join(context, 'app/bin/kaap'), '--help'], {
      encoding: 'utf8',
    });
    expect(stdout).toContain('Usage: kaap');
    expect(status).toBe(0);
  });

  it('tells unexpected errors with their places in the sources', () => {
    const { stderr } = runWithout('kms', { KAAP_LOG_LEVEL: 'debug' });
    const line = readFileSync(join(checkout, 'src/cmd/kms.ts'), 'utf8').split('\n').indexOf('exitOnFailure(main);');
    expect(stderr).toContain(`/src/cmd/kms.ts:${line + 1}:1`);
    expect(stderr).not.toContain('dist/processes');
  });

  it('has a kms that serves', async () => {
    const home = await makeKmsHome(join(context, 'home'));
    const kms = await startKmsProcess(home, program('kms'));
    const { KeyId } = (await kms.client.createKey({})).KeyMetadata;
    const Plaintext = 'YnVuZGxlZA==';
    const { CiphertextBlob } = await kms.client.call('Kms', 'Encrypt', { KeyId, Plaintext });
    expect(await kms.client.call('Kms', 'Decrypt', { CiphertextBlob })).toMatchObject({ Plaintext });
    await kms.end('SIGTERM');
    expect(kms.log()).toContain('kms stops');
  });

  it('holds no TypeScript, which would be stripped at every start, and the licence of every bundled package', () => {
    const files = readdirSync(join(context, 'app'), { recursive: true, encoding: 'utf8' });
    expect(files.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))).toEqual([]);
    const bundled = readdirSync(join(context, 'app/dist/processes'))
      .filter((name) => name.endsWith('.map'))
      .flatMap((name) => {
        const { sources } = JSON.parse(readFileSync(join(context, 'app/dist/processes', name), 'utf8')) as {
          sources: string[];
        };
        return sources.flatMap((source) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source)?.[1] ?? []);
      });
    expect(new Set(bundled).size).toBeGreaterThan(20);
    const unlicensed = [...new Set(bundled)].filter((name) => !existsSync(join(context, 'app/licenses', name)));
    expect(unlicensed).toEqual([]);
  });
});
