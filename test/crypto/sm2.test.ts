import { execFileSync } from 'node:child_process';
import { createPublicKey, randomBytes, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { sm2 as independent } from 'sm-crypto-v2';
import { afterAll, describe, expect, it } from 'vitest';
import { derInteger, derOctetString, derSequence } from '../../src/crypto/der.ts';
import { readSequence } from '../../src/crypto/der-reader.ts';
import { generatePrivateKey } from '../../src/crypto/key-pair.ts';
import { formatScalarPair, scalarOf } from '../../src/crypto/scalar.ts';
import {
  decryptSm2,
  encryptSm2,
  maxSm2CiphertextBytes,
  maxSm2PlaintextBytes,
} from '../../src/crypto/sm2-encryption.ts';
import { signSm2Digest, verifySm2Digest } from '../../src/crypto/sm2-signature.ts';
import {
  multipleOfGenerator,
  privateKeyOfScalar,
  publicPoint,
  sm2MessageDigest,
  sm2Order,
  sumOfPoints,
} from '../../src/crypto/sm2.ts';
import vectors from '../vectors/crypto/sm2.json' with { type: 'json' };

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const fixed =
  (hex: string): typeof randomBytes =>
  () =>
    bytes(hex) as never;
const standardKey = privateKeyOfScalar(scalarOf(bytes(vectors.privateKey)));
const key = await generatePrivateKey({ namedCurve: 'SM2' });
const publicKey = createPublicKey(key);
/** Found by trying: with this number and the standard's key, the mask of a text of one byte is zero. */
const numberWithZeroMask = 470;
const pairOf = (r: string, s: string): Buffer => formatScalarPair(scalarOf(bytes(r)), scalarOf(bytes(s)));

describe('the vectors of GB/T 32918.5', () => {
  it('give the public key and the digest that is signed', () => {
    expect(publicPoint(standardKey).toString('hex')).toBe(vectors.publicKey);
    expect(sm2MessageDigest(bytes(vectors.publicKey), Buffer.from(vectors.message)).toString('hex')).toBe(
      vectors.digest,
    );
  });

  it('are signed as the standard does with its nonce, and verified', () => {
    const expected = pairOf(vectors.r, vectors.s);
    expect(signSm2Digest(standardKey, bytes(vectors.digest), fixed(vectors.signatureNonce))).toEqual(expected);
    expect(verifySm2Digest(standardKey, bytes(vectors.digest), expected)).toBe(true);
  });

  it('are encrypted as the standard does with its nonce, and decrypted', () => {
    const expected = derSequence(
      derInteger(bytes(vectors.x1)),
      derInteger(bytes(vectors.y1)),
      derOctetString(bytes(vectors.c3)),
      derOctetString(bytes(vectors.c2)),
    );
    const plaintext = Buffer.from(vectors.plaintext);
    expect(encryptSm2(createPublicKey(standardKey), plaintext, fixed(vectors.encryptionNonce))).toEqual(expected);
    expect(decryptSm2(standardKey, expected)).toEqual(plaintext);
  });
});

describe('SM2DSA', () => {
  it('E5: takes the signature of this digest by this key, in its one spelling, and nothing else', async () => {
    const other = await generatePrivateKey({ namedCurve: 'SM2' });
    const digest = randomBytes(32);
    const signature = signSm2Digest(key, digest, randomBytes);
    expect(verifySm2Digest(key, digest, signature)).toBe(true);
    expect(verifySm2Digest(other, digest, signature)).toBe(false);
    for (let bit = 0; bit < signature.length * 8; bit += 1) {
      const changed = Buffer.from(signature);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verifySm2Digest(key, digest, changed), `bit ${bit}`).toBe(false);
    }
    for (const wrong of [Buffer.concat([signature, Buffer.alloc(1)]), signature.subarray(0, -1), Buffer.alloc(0)]) {
      expect(verifySm2Digest(key, digest, wrong)).toBe(false);
    }
    expect(verifySm2Digest(key, digest, formatScalarPair(1n, sm2Order - 1n))).toBe(false);
  });

  it('E5: is verified alike with the public key, which takes a sum of two points', async () => {
    const other = createPublicKey(await generatePrivateKey({ namedCurve: 'SM2' }));
    const digest = randomBytes(32);
    const signature = signSm2Digest(key, digest, randomBytes);
    expect(verifySm2Digest(publicKey, digest, signature)).toBe(true);
    expect(verifySm2Digest(other, digest, signature)).toBe(false);
    expect(verifySm2Digest(publicKey, randomBytes(32), signature)).toBe(false);
    for (let bit = 0; bit < signature.length * 8; bit += 37) {
      const changed = Buffer.from(signature);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verifySm2Digest(publicKey, digest, changed), `bit ${bit}`).toBe(false);
    }
    expect(verifySm2Digest(publicKey, digest, formatScalarPair(1n, sm2Order - 1n))).toBe(false);
  });

  it('sums points as the generator’s multiples do, also a point and itself, and none to infinity', () => {
    for (const [left, right] of [
      [1n, 2n],
      [7n, 7n],
      [5n, sm2Order - 3n],
    ] as const) {
      const sum = sumOfPoints(multipleOfGenerator(left), multipleOfGenerator(right));
      expect(sum?.equals(multipleOfGenerator((left + right) % sm2Order))).toBe(true);
    }
    expect(sumOfPoints(multipleOfGenerator(9n), multipleOfGenerator(sm2Order - 9n))).toBeUndefined();
  });

  it('agrees with another implementation, both ways', async () => {
    const point = publicPoint(key).toString('hex');
    const scalar = scalarOfKey(key);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), async (digest) => {
        const ours = signSm2Digest(key, digest, randomBytes).toString('hex');
        expect(independent.doVerifySignature(digest, ours, point, { der: true })).toBe(true);
        const theirs = independent.doSignature(digest, scalar, { der: true });
        expect(verifySm2Digest(key, digest, bytes(theirs))).toBe(true);
      }),
      { numRuns: 10 },
    );
  });
});

function scalarOfKey(privateKey: KeyObject): string {
  const der = privateKey.export({ format: 'der', type: 'pkcs8' });
  const [, , inner] = readSequence(der);
  return readSequence(inner?.content ?? Buffer.alloc(0))[1]?.content.toString('hex') ?? '';
}

describe('SM2PKE', () => {
  it('gives back any text, and agrees with another implementation, both ways', async () => {
    const point = publicPoint(key).toString('hex');
    const scalar = scalarOfKey(key);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (plaintext) => {
        const ours = encryptSm2(publicKey, plaintext, randomBytes);
        expect(decryptSm2(key, ours)).toEqual(Buffer.from(plaintext));
        const options = { asn1: true, output: 'array' } as const;
        expect(Buffer.from(independent.doDecrypt(ours.toString('hex'), scalar, 1, options))).toEqual(
          Buffer.from(plaintext),
        );
        // The other implementation does not start anew when its mask is all zero (step A5), as one text in 256 of one byte has it.
        if (plaintext.length < 8) return;
        const theirs = independent.doEncrypt(plaintext, point, 1, { asn1: true });
        expect(decryptSm2(key, bytes(theirs))).toEqual(Buffer.from(plaintext));
      }),
      { numRuns: 15 },
    );
  });

  it('takes another random number when the mask is zero, which would leave the text as it is', () => {
    const recipient = createPublicKey(standardKey);
    const numbers = [numberWithZeroMask, 1, 2].map((number) => number.toString(16).padStart(64, '0'));
    const drawn: string[] = [];
    const next: typeof randomBytes = () => bytes(numbers[drawn.push('number') - 1] ?? '') as never;
    const ciphertext = encryptSm2(recipient, Buffer.from('x'), next);
    expect(drawn).toHaveLength(2);
    expect(decryptSm2(standardKey, ciphertext).toString()).toBe('x');
  });

  it('takes 6047 bytes, in a ciphertext no longer than is allowed for', () => {
    const longest = randomBytes(maxSm2PlaintextBytes);
    const ciphertext = encryptSm2(publicKey, longest, randomBytes);
    expect(ciphertext.length).toBeLessThanOrEqual(maxSm2CiphertextBytes);
    expect(decryptSm2(key, ciphertext)).toEqual(longest);
  });

  it('E5: decrypts nothing with a changed byte, nothing cut off, and nothing longer', () => {
    const ciphertext = encryptSm2(publicKey, Buffer.from('text'), randomBytes);
    for (let at = 0; at < ciphertext.length; at += 1) {
      const changed = Buffer.from(ciphertext);
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      expect(() => decryptSm2(key, changed), `byte ${at}`).toThrow();
      expect(() => decryptSm2(key, ciphertext.subarray(0, at)), `${at} bytes`).toThrow();
    }
    expect(() => decryptSm2(key, Buffer.concat([ciphertext, Buffer.alloc(1)]))).toThrow();
  });

  it('E5: multiplies no point that is not on the curve: its order would give the key away', () => {
    const [x, y, ...rest] = readSequence(encryptSm2(publicKey, Buffer.from('text'), randomBytes));
    const off = Buffer.from(y?.content ?? Buffer.alloc(0));
    off[off.length - 1] = (off.at(-1) ?? 0) ^ 1;
    const parts = [x?.bytes ?? Buffer.alloc(0), derInteger(off), ...rest.map(({ bytes: part }) => part)];
    expect(() => decryptSm2(key, derSequence(...parts))).toThrow();
    expect(() => decryptSm2(key, derSequence(derInteger(0), derInteger(0), ...parts.slice(2)))).toThrow();
  });
});

const openssl = ((): string | undefined => {
  try {
    return execFileSync('openssl', ['version']).toString().startsWith('OpenSSL 3') ? 'openssl' : undefined;
  } catch {
    return undefined;
  }
})();
const without = openssl === undefined ? ' (not run: no OpenSSL 3 on the PATH)' : '';

describe.skipIf(openssl === undefined)(`the openssl command${without}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'kaap-sm2-'));
  const file = (name: string, content: string | Buffer): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const run = (...args: string[]): Buffer => execFileSync('openssl', ['pkeyutl', ...args], { stdio: 'pipe' });
  const privateFile = file('key.pem', key.export({ format: 'pem', type: 'pkcs8' }));
  const publicFile = file('public.pem', publicKey.export({ format: 'pem', type: 'spki' }));
  const message = file('message', 'a message');
  const digest = sm2MessageDigest(publicPoint(key), Buffer.from('a message'));
  const signing = ['-rawin', '-digest', 'sm3', '-pkeyopt', 'distid:1234567812345678', '-in', message];
  afterAll(() => rmSync(folder, { recursive: true }));

  it('verifies what is signed here, and signs what is verified here', () => {
    const signature = file('signature', signSm2Digest(key, digest, randomBytes));
    const told = run('-verify', '-pubin', '-inkey', publicFile, ...signing, '-sigfile', signature).toString();
    expect(told).toMatch('Signature Verified Successfully');
    expect(verifySm2Digest(key, digest, run('-sign', '-inkey', privateFile, ...signing))).toBe(true);
  });

  it('decrypts what is encrypted here, and encrypts what is decrypted here', () => {
    const ciphertext = file('ciphertext', encryptSm2(publicKey, Buffer.from('a text'), randomBytes));
    expect(run('-decrypt', '-inkey', privateFile, '-in', ciphertext).toString()).toBe('a text');
    const theirs = run('-encrypt', '-pubin', '-inkey', publicFile, '-in', message);
    expect(decryptSm2(key, theirs).toString()).toBe('a message');
  });
});
