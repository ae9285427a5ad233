import { constants, createHash, createPrivateKey, createPublicKey, randomBytes, sign, verify } from 'node:crypto';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asymmetricCiphers, signatureAlgorithms, type SignatureAlgorithm } from '../../src/crypto/asymmetric.ts';
import { DigestError } from '../../src/crypto/ecdsa-digest.ts';
import ciphertexts from '../vectors/crypto/asymmetric-ciphertexts.json' with { type: 'json' };
import signatures from '../vectors/crypto/signatures.json' with { type: 'json' };

const message = fc.uint8Array({ maxLength: 100 });
const digestOf = (bytes: Uint8Array | string): Buffer => createHash('sha256').update(bytes).digest();
const pkcs8 = (text: string): KeyObject =>
  createPrivateKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'pkcs8' });

const rsaKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
const cases: [string, KeyObject, Record<string, number>][] = [
  ['RSA_PKCS1_SHA_256', rsaKey, {}],
  ['RSA_PSS_SHA_256', rsaKey, pss],
  ['ECDSA_SHA_256', generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey, {}],
  ['ECDSA_SHA_256', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey, {}],
];

function algorithmOf(name: string): SignatureAlgorithm {
  const algorithm = signatureAlgorithms.get(name);
  if (algorithm === undefined) throw new Error(`there is no algorithm ${name}`);
  return algorithm;
}

describe.each(cases)('%s over a digest', (name, key, padding) => {
  const algorithm = algorithmOf(name);

  it('makes signatures that node:crypto verifies over the message', () => {
    fc.assert(
      fc.property(message, (bytes) => {
        const signature = algorithm.sign(key, digestOf(bytes), randomBytes);
        expect(verify('sha256', bytes, { key: createPublicKey(key), ...padding }, signature)).toBe(true);
        expect(algorithm.verify(key, digestOf(bytes), signature)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('verifies what node:crypto signed over the message', () => {
    fc.assert(
      fc.property(message, message, (bytes, other) => {
        const signature = sign('sha256', bytes, { key, ...padding });
        expect(algorithm.verify(key, digestOf(bytes), signature)).toBe(true);
        const isSame = Buffer.from(bytes).equals(Buffer.from(other));
        expect(algorithm.verify(key, digestOf(other), signature)).toBe(isSame);
      }),
      { numRuns: 30 },
    );
  });

  it('E5: takes no signature with a flipped bit, and none that is cut off or longer', () => {
    const digest = digestOf('message');
    const signature = algorithm.sign(key, digest, randomBytes);
    fc.assert(
      fc.property(fc.nat(signature.length * 8 - 1), (bit) => {
        const changed = Buffer.from(signature);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(algorithm.verify(key, digest, changed)).toBe(false);
      }),
    );
    for (const length of [0, 1, 5, signature.length - 1]) {
      expect(algorithm.verify(key, digest, signature.subarray(0, length))).toBe(false);
    }
    expect(algorithm.verify(key, digest, Buffer.concat([signature, Buffer.alloc(1)]))).toBe(false);
  });

  it('takes no random bytes for a signature', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        expect(algorithm.verify(key, digestOf('message'), bytes)).toBe(false);
      }),
    );
  });
});

it.each(signatures)('$source: $algorithm verifies the known signature of "$message"', (vector) => {
  const algorithm = algorithmOf(vector.algorithm);
  const key = pkcs8(vector.privateKey);
  const signature = Buffer.from(vector.signature, 'base64');
  expect(algorithm.verify(key, digestOf(vector.message), signature)).toBe(true);
  expect(algorithm.verify(key, digestOf(`${vector.message}.`), signature)).toBe(false);
});

it('RSA_PKCS1_SHA_256 gives the signature of openssl, byte for byte', () => {
  const vector = signatures.find((entry) => entry.algorithm === 'RSA_PKCS1_SHA_256');
  const key = pkcs8(vector?.privateKey ?? '');
  const signature = algorithmOf('RSA_PKCS1_SHA_256').sign(key, digestOf(vector?.message ?? ''), randomBytes);
  expect(signature.toString('base64')).toBe(vector?.signature);
});

it('ECDSA takes every digest but zero, also one above the order of the group', () => {
  const algorithm = algorithmOf('ECDSA_SHA_256');
  const [, , [, key]] = cases as [unknown, unknown, [string, KeyObject]];
  const largest = Buffer.alloc(32, 0xff);
  const signature = algorithm.sign(key, largest, randomBytes);
  expect(algorithm.verify(key, largest, signature)).toBe(true);
  expect(() => algorithm.sign(key, Buffer.alloc(32), randomBytes)).toThrow(DigestError);
  expect(algorithm.verify(key, Buffer.alloc(32), signature)).toBe(false);
  const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
  expect(() => algorithm.sign(key, order, randomBytes)).toThrow(DigestError);
});

it('ECDSA does not take the signature of a digest for that of its negative', () => {
  const algorithm = algorithmOf('ECDSA_SHA_256');
  const [, , [, key]] = cases as [unknown, unknown, [string, KeyObject]];
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const digest = digestOf('message');
  const negative = (order - (BigInt(`0x${digest.toString('hex')}`) % order)).toString(16).padStart(64, '0');
  const signature = algorithm.sign(key, digest, randomBytes);
  expect(algorithm.verify(key, Buffer.from(negative, 'hex'), signature)).toBe(false);
});

it.each(ciphertexts)('$source: $algorithm decrypts the known ciphertext', (vector) => {
  const cipher = asymmetricCiphers.get(vector.algorithm);
  const plaintext = cipher?.decrypt(pkcs8(vector.privateKey), Buffer.from(vector.ciphertext, 'base64'));
  expect(plaintext?.toString()).toBe(vector.plaintext);
});

it.each([
  ['RSAES_OAEP_SHA_256', 190, 318, 446],
  ['RSAES_OAEP_SHA_1', 214, 342, 470],
])('%s takes as much plaintext as KMS documents', (name, ...longest) => {
  const cipher = asymmetricCiphers.get(name);
  expect([2048, 3072, 4096].map((bits) => cipher?.maxPlaintextBytes(bits))).toEqual(longest);
  const plaintext = randomBytes(longest[0] ?? 0);
  const ciphertext = cipher?.encrypt(createPublicKey(rsaKey), plaintext, randomBytes);
  expect(cipher?.decrypt(rsaKey, ciphertext ?? Buffer.alloc(0))).toEqual(plaintext);
});

describe.each(['prime256v1', 'secp256k1'])('ECIES on %s', (namedCurve) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
  const cipher = asymmetricCiphers.get('ECIES_DH_SHA_1_XOR_HMAC');
  const encrypt = (plaintext: Uint8Array): Buffer =>
    cipher?.encrypt(publicKey, plaintext, randomBytes) ?? Buffer.alloc(0);

  it('decrypts what it encrypted, of every length, and never gives one ciphertext twice', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (plaintext) => {
        const ciphertext = encrypt(plaintext);
        expect(ciphertext).toHaveLength(65 + plaintext.length + 20);
        expect(cipher?.decrypt(privateKey, ciphertext)).toEqual(Buffer.from(plaintext));
        expect(encrypt(plaintext).equals(ciphertext)).toBe(false);
      }),
      { numRuns: 50 },
    );
    const longest = randomBytes(cipher?.maxPlaintextBytes(0) ?? 0);
    expect(cipher?.decrypt(privateKey, encrypt(longest))).toEqual(longest);
  });

  it('E5: decrypts nothing with a flipped bit, cut off, longer, of another key, or with a point off the curve', () => {
    const good = encrypt(Buffer.from('plaintext'));
    const refused = (bytes: Buffer): void => expect(() => cipher?.decrypt(privateKey, bytes)).toThrow(/./);
    fc.assert(
      fc.property(fc.nat(good.length * 8 - 1), (bit) => {
        const changed = Buffer.from(good);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        refused(changed);
      }),
    );
    for (let length = 0; length < good.length; length += 1) refused(good.subarray(0, length));
    refused(Buffer.concat([good, Buffer.alloc(1)]));
    refused(Buffer.concat([Buffer.from([4]), Buffer.alloc(64), good.subarray(65)]));
    const other = generateKeyPairSync('ec', { namedCurve }).privateKey;
    expect(() => cipher?.decrypt(other, good)).toThrow('MAC');
  });
});
