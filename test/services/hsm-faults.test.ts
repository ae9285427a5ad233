import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HsmClient } from '../../src/providers/pkcs11-client.ts';
import { encodeFrame, hsmOperations } from '../../src/providers/pkcs11-frames.ts';
import { Pkcs11Provider } from '../../src/providers/pkcs11-provider.ts';
import { instance, startHsm, type HsmScene } from './hsm-scene.ts';
import { createSoftHsmToken, type SoftHsmToken } from './softhsm-token.ts';

const placement = { scope: instance, storage: 'HsmEncryptedDatabase' } as const;
const none = Buffer.alloc(0);

/** Process ids below `parent`. */
function childrenOf(parent: number | undefined): number[] {
  const text = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

describe('The hsm process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kaap-fault-'));
  const faultFile = join(folder, 'fault');
  let token: SoftHsmToken;
  let scene: HsmScene;
  let provider: Pkcs11Provider;

  beforeAll(async () => {
    const module = join(folder, 'fault-module.so');
    execFileSync('gcc', [
      '-shared',
      '-fPIC',
      '-o',
      module,
      resolve(import.meta.dirname, 'fault-module.c'),
      '-ldl',
      '-pthread',
    ]);
    token = createSoftHsmToken();
    writeFileSync(faultFile, '');
    const faulty = { ...token, module };
    scene = await startHsm(
      { KAAP_FAULT_MODULE: token.module, KAAP_FAULT_FILE: faultFile, KAAP_HSM_HANG_MS: '1500' },
      faulty,
    );
    provider = scene.provider;
  });
  afterAll(async () => {
    await scene.stop();
    token.remove();
    rmSync(folder, { recursive: true });
  });

  it.each(['crash', 'hang', 'removed', 'closed', 'garbage'])(
    'F1: a module that does "%s" in the middle of the work costs time and no result',
    async (fault) => {
      const material = await provider.generate('Aliyun_AES_256', placement);
      const pair = await provider.generate('EC_P256', placement);
      const before = await provider.encrypt(material, Buffer.from('before'), none);
      const [worker] = childrenOf(scene.process.pid);
      writeFileSync(faultFile, fault);
      const digest = createHash('sha256').update('message').digest();
      const underWay = [
        provider.encrypt(material, Buffer.from('during'), none),
        provider.signDigest(pair, 'ECDSA_SHA_256', digest),
      ] as const;
      const settled = Promise.allSettled(underWay);
      await expect.poll(() => childrenOf(scene.process.pid)[0] !== worker, { timeout: 15_000 }).toBe(true);
      writeFileSync(faultFile, '');
      const [encrypted, signed] = await settled;
      if (encrypted.status === 'fulfilled') {
        expect((await provider.decrypt(material, encrypted.value, none)).toString()).toBe('during');
      } else expect(encrypted.reason).toMatchObject({ code: 'ServiceUnavailableTemporary', retryable: true });
      if (signed.status === 'fulfilled') {
        expect(await provider.verifyDigest(pair, 'ECDSA_SHA_256', digest, signed.value)).toBe(true);
      } else expect(signed.reason).toMatchObject({ code: 'ServiceUnavailableTemporary', retryable: true });
      expect((await provider.decrypt(material, before, none)).toString()).toBe('before');
    },
  );

  it('F1: killed under load again and again, it loses nothing and gives no wrong byte', async () => {
    const material = await provider.generate('Aliyun_AES_256', placement);
    const end = performance.now() + 4000;
    let done = 0;
    const work = async (): Promise<void> => {
      while (performance.now() < end) {
        const text = randomBytes(40);
        const parts = await provider.encrypt(material, text, none);
        expect(await provider.decrypt(material, parts, none)).toEqual(text);
        done += 1;
      }
    };
    const killing = async (): Promise<void> => {
      for (let kills = 0; kills < 3; kills += 1) {
        await new Promise((next) => setTimeout(next, 900));
        const [worker] = childrenOf(scene.process.pid);
        if (worker !== undefined) process.kill(worker, 'SIGKILL');
      }
    };
    await Promise.all([killing(), ...Array.from({ length: 16 }, work)]);
    expect(done).toBeGreaterThan(100);
  });

  it('F1: refuses what waits beyond the bound at once, as to be tried again', async () => {
    const small = new HsmClient({ socket: scene.socket, maxCalls: 4 });
    const calls = await Promise.allSettled(Array.from({ length: 10 }, () => small.call('ping')));
    await small.close();
    expect(calls.filter(({ status }) => status === 'fulfilled')).toHaveLength(4);
    expect(calls.filter(({ status }) => status === 'rejected')).toHaveLength(6);
  });

  it('F1: a token that was initialised anew says that the key is gone, and never makes another in its place', async () => {
    const other = createSoftHsmToken('kaap-other');
    const elsewhere = await startHsm({}, other);
    const foreign = await elsewhere.provider.generate('Aliyun_AES_256', placement);
    const parts = await elsewhere.provider.encrypt(foreign, Buffer.from('x'), none);
    await elsewhere.stop();
    other.remove();
    await expect(provider.decrypt(foreign, parts, none)).rejects.toMatchObject({ code: 'Rejected.Unavailable' });
  });

  it('F2: the PIN is in no argument, no environment, and no log', () => {
    const pin = readFileSync(token.pinFile, 'utf8').trim();
    const ids = [scene.process.pid, ...childrenOf(scene.process.pid)];
    for (const id of ids) {
      for (const file of ['cmdline', 'environ'])
        expect(readFileSync(`/proc/${id}/${file}`, 'latin1')).not.toContain(pin);
    }
    expect(ids.length).toBe(2);
    expect(scene.log()).not.toContain(pin);
    expect(scene.log()).toContain('hsm serves');
  });

  it('F3: the socket and the secret beside it are for one user, in a folder that nobody else enters', () => {
    const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);
    expect(modeOf(scene.socket)).toBe('600');
    expect(modeOf(join(scene.socket, '..'))).toBe('700');
    expect(modeOf(join(scene.socket, '../handshake'))).toBe('600');
  });

  it.each([
    ['asks before any handshake', [{ code: hsmOperations.ping, fields: [] as Buffer[] }]],
    [
      'does not know the secret',
      [
        { code: hsmOperations.hello, fields: [randomBytes(32)] },
        { code: hsmOperations.prove, fields: [randomBytes(32)] },
      ],
    ],
    ['proves without asking', [{ code: hsmOperations.prove, fields: [randomBytes(32)] }]],
  ])('F3: hangs up on a peer that %s', async (_name, frames) => {
    const ended = await new Promise<boolean>((done) => {
      const socket = connect(scene.socket);
      socket.on('error', () => undefined);
      socket.on('data', () => undefined);
      socket.once('close', () => done(true));
      for (const [id, frame] of frames.entries()) socket.write(encodeFrame({ id, deadlineMs: 1000, ...frame }));
    });
    expect(ended).toBe(true);
  });

  it('F7: two hundred calls on threads at a time each get the signature of their own digest', async () => {
    const pair = await provider.generate('RSA_2048', placement);
    const digests = Array.from({ length: 200 }, () => randomBytes(32));
    const signatures = await Promise.all(
      digests.map((digest) => provider.signDigest(pair, 'RSA_PKCS1_SHA_256', digest)),
    );
    for (const [at, signature] of signatures.entries()) {
      expect(await provider.verifyDigest(pair, 'RSA_PKCS1_SHA_256', digests[at] ?? none, signature)).toBe(true);
    }
  });
});
