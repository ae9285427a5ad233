import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  verify,
  X509Certificate,
} from 'node:crypto';
import forge from 'node-forge';
import { beforeAll, describe, expect, it } from 'vitest';
import { openClientKeyFile } from '../../src/crypto/client-key-file.ts';
import { createClientKey, type ClientKey } from '../../src/crypto/client-key.ts';
import { readElements, readOid, readSequence } from '../../src/crypto/der-reader.ts';
import { ApiError } from '../../src/lib/errors.ts';

const password = 'Correct-horse-9';
const notBefore = Date.UTC(2026, 0, 1);
const notAfter = Date.UTC(2031, 0, 1);
const keyId = 'KAAP.71be72c8-73b9-44e0-bb75-81ee51b4e00e';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const keyPem = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' });

let clientKey: ClientKey;
let file: string;
const fileOf = (data: string, id = keyId): string => JSON.stringify({ KeyId: id, PrivateKeyData: data });

beforeAll(async () => {
  clientKey = await createClientKey({ name: 'shop', password, notBefore, notAfter, random: randomBytes, keyPem });
  file = fileOf(clientKey.privateKeyData);
});

/** A PKCS#12 file that forge makes, with what our own never has. */
function forgePkcs12(options: object, secret = password): string {
  const certificate = forge.pki.certificateFromPem(clientKey.certificatePem);
  const asn1 = forge.pkcs12.toPkcs12Asn1(forge.pki.privateKeyFromPem(keyPem), [certificate], secret, options);
  return forge.util.encode64(forge.asn1.toDer(asn1).getBytes());
}

describe('createClientKey', () => {
  it('makes a self-signed RSA-2048 certificate for signatures, with the subject of Alibaba Cloud', async () => {
    const made = await createClientKey({ name: 'shop', password, notBefore, notAfter, random: randomBytes });
    const certificate = new X509Certificate(made.certificatePem);
    expect(certificate.subject.split('\n')).toEqual([
      'C=CN',
      'ST=Zhejiang',
      'L=Hangzhou',
      'O=Alibaba',
      'OU=Aliyun',
      'CN=shop',
    ]);
    expect(certificate.issuer).toBe(certificate.subject);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ modulusLength: 2048, publicExponent: 65_537n });
    expect([certificate.validFromDate.getTime(), certificate.validToDate.getTime()]).toEqual([notBefore, notAfter]);
    // keyUsage, critical: digitalSignature.
    expect(certificate.raw.toString('hex')).toContain('0603551d0f0101ff040403020780');
  });

  it('lays the file out as x/crypto/pkcs12 of Go wants it: version 3, two safes, the certificate first, SHA-1 MAC', () => {
    const [version, safeInfo, mac] = readSequence(Buffer.from(clientKey.privateKeyData, 'base64'));
    expect(version?.content.toString('hex')).toBe('03');
    const safes = readSequence(dataOf(safeInfo?.content ?? Buffer.alloc(0)));
    const bags = safes.map((safe) =>
      readSequence(dataOf(safe.content)).map((bag) => readOid(readElements(bag.content)[0])),
    );
    expect(bags).toEqual([['1.2.840.113549.1.12.10.1.3'], ['1.2.840.113549.1.12.10.1.2']]);
    const [digestInfo] = readElements(mac?.content ?? Buffer.alloc(0));
    const [algorithm] = readElements(digestInfo?.content ?? Buffer.alloc(0));
    expect(readOid(readElements(algorithm?.content ?? Buffer.alloc(0))[0])).toBe('1.3.14.3.2.26');
  });

  it('C10: has the private key nowhere in plain', () => {
    const secretPart = rsa.privateKey.export({ format: 'jwk' }).d ?? '';
    const bytes = Buffer.from(clientKey.privateKeyData, 'base64');
    expect(bytes.includes(Buffer.from(secretPart, 'base64url'))).toBe(false);
    expect(clientKey.certificatePem).not.toContain('PRIVATE');
  });

  it('is read by another implementation of PKCS#12', () => {
    const der = forge.util.createBuffer(Buffer.from(clientKey.privateKeyData, 'base64').toString('binary'));
    const pfx = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(der), password);
    const oid = forge.pki.oids['pkcs8ShroudedKeyBag'] ?? '';
    const key = pfx.getBags({ bagType: oid })[oid]?.[0]?.key;
    expect(key && forge.pki.privateKeyToPem(key).replaceAll('\r', '')).toBe(
      rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }),
    );
  });
});

describe('openClientKeyFile', () => {
  it('gives the key and the certificate that fit each other', () => {
    const opened = openClientKeyFile(file, password);
    expect(opened).toMatchObject({ keyId, notBefore, notAfter, certificatePem: clientKey.certificatePem });
    const data = Buffer.from('request');
    const signature = sign('sha256', data, createPrivateKey(opened.privateKeyPem));
    expect(verify('sha256', data, createPublicKey(clientKey.certificatePem), signature)).toBe(true);
  });

  it('C5: a wrong password is refused, without the password in the message', () => {
    const message = 'The password does not open the client key file. Use the one it was made with.';
    for (const wrong of ['', 'correct-horse-9', `${password} `, 'x'.repeat(10_000)]) {
      expect(() => openClientKeyFile(file, wrong)).toThrow(new ApiError('InvalidPassword', message));
    }
  });

  it('C5: a changed byte is refused, wherever in the file it is', () => {
    const bytes = Buffer.from(clientKey.privateKeyData, 'base64');
    const positions = Array.from({ length: bytes.length }, (_none, at) => at);
    // Every byte of what the MAC does not cover, at both ends; of the rest each seventh.
    for (const at of positions.filter((index) => index % 7 === 0 || index < 60 || index >= bytes.length - 80)) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 0x01;
      expect(() => openClientKeyFile(fileOf(changed.toString('base64')), password)).toThrow(ApiError);
    }
  });

  it('C5: an iteration count like a bomb is refused before any hashing', () => {
    const message =
      'The client key file asks for another number of iterations than 1000 to 100000. Make a new one with CreateClientKey.';
    const refused = new ApiError('InvalidParameter', message);
    const started = performance.now();
    expect(() => openClientKeyFile(fileOf(withMacCount(0x7fffffff)), password)).toThrow(refused);
    expect(() => openClientKeyFile(fileOf(withMacCount(100_001)), password)).toThrow(refused);
    expect(() => openClientKeyFile(fileOf(withMacCount(1)), password)).toThrow(refused);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it('C5: another cipher than 3DES, and a key without protection, are refused', () => {
    const cipher =
      'The client key file is protected with another cipher than SHA-1 and 3DES. Make a new one with CreateClientKey.';
    const aes = forgePkcs12({ algorithm: 'aes256' });
    expect(() => openClientKeyFile(fileOf(aes), password)).toThrow(new ApiError('InvalidParameter', cipher));
    const format =
      'The client key file is not a PKCS#12 file of one key and one certificate. Make a new one with CreateClientKey.';
    const noMac = forgePkcs12({ algorithm: '3des', useMac: false });
    expect(() => openClientKeyFile(fileOf(noMac), password)).toThrow(new ApiError('InvalidParameter', format));
  });

  it('C5: two certificates, or a key of another certificate, are refused', () => {
    const certificate = forge.pki.certificateFromPem(clientKey.certificatePem);
    const key = forge.pki.privateKeyFromPem(keyPem);
    const two = forge.pkcs12.toPkcs12Asn1(key, [certificate, certificate], password, { algorithm: '3des' });
    const format =
      'The client key file is not a PKCS#12 file of one key and one certificate. Make a new one with CreateClientKey.';
    expect(() => openClientKeyFile(fileOf(forge.util.encode64(forge.asn1.toDer(two).getBytes())), password)).toThrow(
      new ApiError('InvalidParameter', format),
    );
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    });
    const mixed = forge.pkcs12.toPkcs12Asn1(forge.pki.privateKeyFromPem(other), [certificate], password, {
      algorithm: '3des',
    });
    const unfit = 'The client key file holds a key that does not fit. Make a new one with CreateClientKey.';
    expect(() => openClientKeyFile(fileOf(forge.util.encode64(forge.asn1.toDer(mixed).getBytes())), password)).toThrow(
      new ApiError('InvalidParameter', unfit),
    );
  });

  it('C5: is refused before its time and from its end on', () => {
    const early = 'The client key file is not valid yet. Make a new one with CreateClientKey.';
    const late = 'The client key file has expired. Make a new one with CreateClientKey.';
    expect(() => openClientKeyFile(file, password, { now: notBefore - 1 })).toThrow(
      new ApiError('InvalidParameter', early),
    );
    expect(() => openClientKeyFile(file, password, { now: notAfter })).toThrow(new ApiError('InvalidParameter', late));
    expect(openClientKeyFile(file, password, { now: notBefore }).keyId).toBe(keyId);
  });

  it.each([
    ['nothing', '', 'is not JSON'],
    ['null', 'null', 'has no KeyId'],
    ['a file without id', '{"PrivateKeyData":"AA=="}', 'has no KeyId'],
    ['a foreign id', '{"KeyId":"LTAI123","PrivateKeyData":"AA=="}', 'has no KeyId'],
    ['a file without data', `{"KeyId":"${keyId}"}`, 'has no PrivateKeyData'],
    ['a huge file', 'x'.repeat(40_000), 'is larger than 32768 characters'],
    [
      'no PKCS#12',
      `{"KeyId":"${keyId}","PrivateKeyData":"AAAA"}`,
      'is not a PKCS#12 file of one key and one certificate',
    ],
  ])('refuses %s', (_what, json, why) => {
    const message = `The client key file ${why}. Make a new one with CreateClientKey.`;
    expect(() => openClientKeyFile(json, password)).toThrow(new ApiError('InvalidParameter', message));
  });
});

/** Our file with another count of iterations for its MAC. */
function withMacCount(count: number): string {
  const asn1 = forge.asn1.fromDer(forge.util.decode64(clientKey.privateKeyData)) as { value: { value: unknown[] }[] };
  const mac = asn1.value[2];
  if (mac === undefined) throw new Error('the file has no MAC');
  mac.value[2] = forge.asn1.create(
    forge.asn1.Class.UNIVERSAL,
    forge.asn1.Type.INTEGER,
    false,
    forge.asn1.integerToDer(count).getBytes(),
  );
  return forge.util.encode64(forge.asn1.toDer(asn1 as never).getBytes());
}

/** What a ContentInfo of the type data holds. */
function dataOf(info: Buffer): Buffer {
  const [type, content] = readElements(info);
  expect(readOid(type)).toBe('1.2.840.113549.1.7.1');
  return readElements(content?.content ?? Buffer.alloc(0))[0]?.content ?? Buffer.alloc(0);
}
