import { createDecipheriv, createHash, createHmac, publicEncrypt, randomBytes, randomInt } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { KeyMaterial } from '../../src/ports/key-provider.ts';
import { instance, type HsmScene } from '../services/hsm-scene.ts';

const callers = 64;
const placement = { scope: instance, storage: 'HsmEncryptedDatabase' } as const;
const internally = { scope: instance, storage: 'HsmInternal' } as const;

/** Settings of the process under test: copies of keys come and go all the time. */
export const soaked: Readonly<Record<string, string>> = { KAAP_HSM_COPY_SECONDS: '1' };

/** Option of Node that loads a module of `test/support` before anything else. */
export function preload(name: string): string {
  return `--import=${pathToFileURL(join(import.meta.dirname, '../support', name)).href}`;
}

type Work = () => Promise<void>;

/**
 * Share of a hundred up to which a work is chosen, and the work. The keys' bytes are known here as well, so every answer is
 * checked by other code than made it. What runs on threads, with buffers that must outlive the call, is slow and has fewer.
 */
async function worksOf({ provider }: HsmScene): Promise<[number, Work][]> {
  const aesBytes = randomBytes(32);
  const macBytes = randomBytes(32);
  const stored = await provider.importMaterial('Aliyun_AES_256', aesBytes, placement);
  const internal = await provider.importMaterial('Aliyun_AES_256', aesBytes, internally);
  const either = (): KeyMaterial => (randomInt(2) === 0 ? stored : internal);
  const mac = await provider.importMaterial('HMAC_SHA_256', macBytes, placement);
  const rsa = await provider.generate('RSA_2048', placement);
  const ec = await provider.generate('EC_P256', placement);
  const publicKey = await provider.publicKey(rsa);
  const encrypt: Work = async () => {
    const [text, aad] = [randomBytes(randomInt(1, 6144)), randomBytes(randomInt(0, 512))];
    const { iv, ciphertext, tag } = await provider.encrypt(either(), text, aad);
    const decipher = createDecipheriv('aes-256-gcm', aesBytes, iv).setAAD(aad).setAuthTag(tag);
    expect(Buffer.concat([decipher.update(ciphertext), decipher.final()]).equals(text)).toBe(true);
  };
  const decrypt: Work = async () => {
    const text = randomBytes(randomInt(1, 6144));
    const parts = await provider.encrypt(either(), text, text.subarray(0, 64));
    expect((await provider.decrypt(either(), parts, text.subarray(0, 64))).equals(text)).toBe(true);
  };
  const authenticate: Work = async () => {
    const message = randomBytes(randomInt(1, 6144));
    const expected = createHmac('sha256', macBytes).update(message).digest();
    expect((await provider.mac(mac, message)).equals(expected)).toBe(true);
  };
  const sign = async (key: KeyMaterial, algorithm: string): Promise<void> => {
    const digest = createHash('sha256').update(randomBytes(16)).digest();
    const signature = await provider.signDigest(key, algorithm, digest);
    expect(await provider.verifyDigest(key, algorithm, digest, signature)).toBe(true);
  };
  const open: Work = async () => {
    const text = randomBytes(randomInt(1, 190));
    const sealed = publicEncrypt({ key: publicKey, oaepHash: 'sha256' }, text);
    expect((await provider.decryptAsymmetric(rsa, 'RSAES_OAEP_SHA_256', sealed)).equals(text)).toBe(true);
  };
  return [
    [45, encrypt],
    [75, decrypt],
    [90, authenticate],
    [96, () => sign(ec, 'ECDSA_SHA_256')],
    [98, () => sign(rsa, 'RSA_PKCS1_SHA_256')],
    [99, () => sign(rsa, 'RSA_PSS_SHA_256')],
    [100, open],
  ];
}

/** Process ids of the workers below the supervisor. */
export function workersOf({ process: { pid } }: HsmScene): string {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
}

/** Does so many operations, 64 at a time; throws at the first wrong byte. */
export async function runOperations(hsm: HsmScene, operations: number): Promise<void> {
  const works = await worksOf(hsm);
  const started = performance.now();
  let done = 0;
  const run = async (): Promise<void> => {
    while (done < operations) {
      done += 1;
      const share = done % 100;
      await works.find(([below]) => share < below)?.[1]();
      if (done % 50_000 === 0)
        process.stdout.write(`${done} operations, ${Math.round(performance.now() - started)} ms\n`);
    }
  };
  await Promise.all(Array.from({ length: callers }, run));
}
