import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHsm, type HsmScene } from './hsm-scene.ts';
import { softHsmModule, type SoftHsmToken } from './softhsm-token.ts';

const program = resolve(import.meta.dirname, '../../src/cmd/hsm-token.ts');
const pin = '173924';
const soPin = '55443322';
const healthPort = 39_091;

describe('The program that makes a token to try things out', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kaap-token-'));
  const token: SoftHsmToken = {
    module: softHsmModule(),
    configurationFile: join(folder, 'softhsm2.conf'),
    label: 'try out',
    pinFile: join(folder, 'pin'),
    remove: () => rmSync(folder, { recursive: true }),
  };
  const run = (label = token.label): { status: number | null; output: string } => {
    const env = {
      PATH: process.env['PATH'],
      SOFTHSM2_CONF: token.configurationFile,
      KAAP_HSM_MODULE: token.module,
      KAAP_HSM_TOKEN: label,
      KAAP_HSM_PIN_FILE: token.pinFile,
      KAAP_HSM_SO_PIN_FILE: join(folder, 'so-pin'),
    };
    const { status, stdout, stderr } = spawnSync(process.execPath, [program], { env, encoding: 'utf8' });
    return { status, output: stdout + stderr };
  };
  let scene: HsmScene;

  beforeAll(async () => {
    mkdirSync(join(folder, 'tokens'));
    writeFileSync(token.configurationFile, `directories.tokendir = ${folder}/tokens\n`);
    writeFileSync(token.pinFile, `${pin}\n`, { mode: 0o600 });
    writeFileSync(join(folder, 'so-pin'), `${soPin}\n`, { mode: 0o600 });
    expect(run()).toMatchObject({ status: 0, output: expect.stringContaining('made the token') as string });
    scene = await startHsm({ KAAP_HSM_HEALTH_LISTEN: `127.0.0.1:${healthPort}` }, token);
  });
  afterAll(async () => {
    await scene.stop();
    token.remove();
  });

  it('makes one that the hsm process logs in to', async () => {
    await expect(scene.client.call('ping')).resolves.toEqual([]);
  });

  it('leaves the token that is there as it is, with its keys', async () => {
    const material = await scene.provider.generate('Aliyun_AES_256', { scope: 'kst-hsm0', storage: 'HsmInternal' });
    const parts = await scene.provider.encrypt(material, Buffer.from('kept'), Buffer.alloc(0));
    expect(run()).toMatchObject({ status: 0, output: expect.stringContaining('is there already') as string });
    expect((await scene.provider.decrypt(material, parts, Buffer.alloc(0))).toString()).toBe('kept');
  });

  it('F2: says neither PIN, also when the security officer is refused', () => {
    expect(run('another').status).toBe(0);
    writeFileSync(token.pinFile, '1');
    const refused = run('with a PIN that is too short');
    writeFileSync(token.pinFile, pin);
    expect(refused.status).not.toBe(0);
    expect(refused.output).not.toMatch(new RegExp(`${pin}|${soPin}`));
  });

  it('the hsm process says that it lives, for whoever restarts what does not', async () => {
    const answer = await fetch(`http://127.0.0.1:${healthPort}/healthz`);
    expect(answer.status).toBe(200);
  });
});
