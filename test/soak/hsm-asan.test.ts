import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHsm, type HsmScene } from '../services/hsm-scene.ts';
import { createSoftHsmToken, type SoftHsmToken } from '../services/softhsm-token.ts';
import { preload, runOperations, soaked, workersOf } from './hsm-operations.ts';

const operations = Number(process.env['KAAP_SOAK_ASAN_OPERATIONS'] ?? 20_000);
const require = createRequire(import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'kaap-asan-'));
const faultFile = join(folder, 'fault');
const gcc = (...args: string[]): string => execFileSync('gcc', args, { encoding: 'utf8' }).trim();

/** Builds the binding from the sources of the package, with every access to memory checked. */
function buildBinding(): string {
  const copy = join(folder, 'pkcs11js');
  cpSync(dirname(require.resolve('pkcs11js/package.json')), copy, { recursive: true });
  const ofNode = createRequire(require.resolve('node/package.json'));
  const distribution = `node-${process.platform}-${process.arch}`;
  const headers = join(dirname(ofNode.resolve(`${distribution}/package.json`)), 'include', 'node');
  const flags = '-fsanitize=address -fno-omit-frame-pointer -g -O1 -fPIC -shared -std=c++17'.split(' ');
  const defines = ['-DNAPI_DISABLE_CPP_EXCEPTIONS', '-DBUILDING_NODE_EXTENSION', '-DNODE_GYP_MODULE_NAME=pkcs11'];
  const sources = ['dl', 'common', 'main'].map((name) => join(copy, 'src', `${name}.cpp`));
  const output = ['-o', join(copy, 'build/Release/pkcs11.node')];
  execFileSync('g++', [...flags, ...defines, `-I${headers}`, `-I${join(copy, 'includes')}`, ...output, ...sources]);
  return join(copy, 'index.js');
}

let token: SoftHsmToken;
let hsm: HsmScene;
beforeAll(async () => {
  const module = join(folder, 'fault-module.so');
  gcc('-shared', '-fPIC', '-o', module, resolve(import.meta.dirname, '../services/fault-module.c'), '-ldl', '-pthread');
  writeFileSync(faultFile, '');
  token = createSoftHsmToken();
  const environment = {
    ...soaked,
    NODE_OPTIONS: `${preload('asan-binding.ts')} ${preload('forced-gc.ts')}`,
    KAAP_ASAN_BINDING: buildBinding(),
    KAAP_FAULT_MODULE: token.module,
    KAAP_FAULT_FILE: faultFile,
    LD_PRELOAD: gcc('-print-file-name=libasan.so'),
    // Node ends without freeing everything: what leaks is not the question here.
    ASAN_OPTIONS: 'detect_leaks=0',
  };
  hsm = await startHsm(environment, { ...token, module });
});
afterAll(async () => {
  await hsm.stop();
  token.remove();
  rmSync(folder, { recursive: true });
});

const report = 'ERROR: AddressSanitizer';

test(
  `F7: ${operations} operations with AddressSanitizer: nothing is used after it was freed`,
  { timeout: 3_600_000 },
  async () => {
    const workers = workersOf(hsm);
    const maps = readFileSync(`/proc/${workers.trim()}/maps`, 'utf8');
    expect(maps).toContain('libasan');
    expect(maps).toContain(join(folder, 'pkcs11js/build/Release/pkcs11.node'));
    await runOperations(hsm, operations);
    expect(workersOf(hsm)).toBe(workers);
    expect(hsm.log()).not.toContain(report);
  },
);

test(
  'F7: AddressSanitizer sees a module that writes into a buffer after its call, and ends the process',
  { timeout: 600_000 },
  async () => {
    const { provider } = hsm;
    const material = await provider.generate('Aliyun_AES_256', { scope: 'kst-hsm0', storage: 'HsmEncryptedDatabase' });
    writeFileSync(faultFile, 'late');
    const calls = Array.from({ length: 64 }, () => provider.encrypt(material, Buffer.alloc(4096), Buffer.alloc(0)));
    await Promise.allSettled(calls);
    writeFileSync(faultFile, '');
    await expect.poll(() => hsm.log(), { timeout: 60_000 }).toContain(`${report}: heap-use-after-free`);
  },
);
