import { createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import {
  DerError,
  derTags,
  expectTag,
  readElements,
  readOid,
  readSequence,
  readSmallInteger,
  readTagged,
  type DerValue,
} from './der-reader.ts';
import { derivePkcs12, pkcs12Password, pkcs12Purpose, type Pkcs12Derivation } from './pkcs12-kdf.ts';

/** What a PKCS#12 file of one key holds: DER of the PKCS#8 key and of its certificate. */
export interface Pkcs12Contents {
  privateKey: Buffer;
  certificate: Buffer;
}

/** The file cannot be used. The message completes "The client key file …" and holds nothing of its content. */
export class Pkcs12Error extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Pkcs12Error';
  }
}

/** The password does not fit, or the file has been changed. */
export class Pkcs12PasswordError extends Pkcs12Error {
  constructor() {
    super('does not open with this password');
    this.name = 'Pkcs12PasswordError';
  }
}

/** Bounds of the work a file may ask for: counts of hashing, and bytes. */
const minIterations = 1000;
const maxIterations = 100_000;
const maxSaltBytes = 64;
export const maxPkcs12Bytes = 16_384;

const oids = {
  data: '1.2.840.113549.1.7.1',
  encryptedData: '1.2.840.113549.1.7.6',
  sha1: '1.3.14.3.2.26',
  tripleDes: '1.2.840.113549.1.12.1.3',
  shroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
  certificateBag: '1.2.840.113549.1.12.10.1.3',
  x509: '1.2.840.113549.1.9.22.1',
} as const;

/**
 * Reads a PKCS#12 file (RFC 7292) of one key and one certificate, as client key files are: SHA-1 MAC,
 * pbeWithSHA1And3-KeyTripleDES-CBC, the only protection that Alibaba Cloud's Go SDK reads. Everything else is refused,
 * RC2 and unprotected keys included. The MAC is checked before anything is decrypted, and no file can ask for more than
 * 100,000 iterations.
 */
export function readPkcs12(file: Buffer, password: string): Pkcs12Contents {
  if (file.length > maxPkcs12Bytes) throw new Pkcs12Error(`is larger than ${maxPkcs12Bytes} bytes`);
  const secret = pkcs12Password(password);
  try {
    return readPfx(file, secret);
  } catch (error) {
    if (error instanceof DerError) throw new Pkcs12Error('is not a PKCS#12 file of one key and one certificate');
    throw error;
  } finally {
    secret.fill(0);
  }
}

function readPfx(file: Buffer, password: Buffer): Pkcs12Contents {
  const [version, authenticatedSafe, macData] = readSequence(file);
  if (readSmallInteger(version) !== 3) throw new DerError('another version than 3');
  const safe = readData(readContentInfo(authenticatedSafe));
  assertMac(expectTag(macData, derTags.sequence), safe, password);
  const bags: SafeBag[] = [];
  for (const item of readSequence(safe)) bags.push(...readSafe(readContentInfo(item), password));
  const key = onlyBag(bags, oids.shroudedKeyBag);
  const certificate = onlyBag(bags, oids.certificateBag);
  if (bags.length !== 2) throw new DerError('another bag');
  return { certificate: readCertificate(certificate), privateKey: decryptKey(key, password) };
}

interface ContentInfo {
  type: string;
  content: Buffer;
}

interface SafeBag {
  type: string;
  value: Buffer;
}

/** SEQUENCE { contentType, [0] EXPLICIT content }. */
function readContentInfo(value: DerValue | undefined): ContentInfo {
  const [type, content] = readElements(expectTag(value, derTags.sequence).content);
  return { type: readOid(type), content: expectTag(content, derTags.context0).content };
}

function readData({ type, content }: ContentInfo): Buffer {
  if (type !== oids.data) throw new DerError('another content than data');
  return readTagged(content, derTags.octetString).content;
}

/** A SafeContents in plain, or encrypted under the password. */
function readSafe(info: ContentInfo, password: Buffer): SafeBag[] {
  const bytes = info.type === oids.encryptedData ? decryptContent(info.content, password) : readData(info);
  return readSequence(bytes).map((bag) => {
    const [type, value] = readElements(expectTag(bag, derTags.sequence).content);
    return { type: readOid(type), value: expectTag(value, derTags.context0).content };
  });
}

function onlyBag(bags: readonly SafeBag[], type: string): Buffer {
  const [bag, second] = bags.filter((each) => each.type === type);
  if (bag === undefined || second !== undefined) throw new DerError('not exactly one key and one certificate');
  return bag.value;
}

/** CertBag: SEQUENCE { certId, [0] EXPLICIT OCTET STRING }. */
function readCertificate(bag: Buffer): Buffer {
  const [type, value] = readSequence(bag);
  if (readOid(type) !== oids.x509) throw new DerError('another certificate than X.509');
  return readTagged(expectTag(value, derTags.context0).content, derTags.octetString).content;
}

/** EncryptedPrivateKeyInfo: SEQUENCE { algorithm, OCTET STRING }. */
function decryptKey(bag: Buffer, password: Buffer): Buffer {
  const [algorithm, encrypted] = readSequence(bag);
  return decrypt(algorithm, expectTag(encrypted, derTags.octetString).content, password);
}

/** EncryptedData: SEQUENCE { version, SEQUENCE { contentType, algorithm, [0] IMPLICIT OCTET STRING } }. */
function decryptContent(content: Buffer, password: Buffer): Buffer {
  const [, info] = readSequence(content);
  const [, algorithm, encrypted] = readElements(expectTag(info, derTags.sequence).content);
  return decrypt(algorithm, expectTag(encrypted, 0x80).content, password);
}

function decrypt(algorithm: DerValue | undefined, encrypted: Buffer, password: Buffer): Buffer {
  const [type, parameters] = readElements(expectTag(algorithm, derTags.sequence).content);
  if (readOid(type) !== oids.tripleDes) throw new Pkcs12Error('is protected with another cipher than SHA-1 and 3DES');
  const [salt, iterations] = readElements(expectTag(parameters, derTags.sequence).content);
  const derivation = { password, ...boundedDerivation(salt, iterations) };
  const key = derivePkcs12(pkcs12Purpose.key, derivation, 24);
  const iv = derivePkcs12(pkcs12Purpose.iv, derivation, 8);
  try {
    const decipher = createDecipheriv('des-ede3-cbc', key, iv);
    return Buffer.concat([decipher.update(encrypted), decipher.final()]);
  } catch {
    throw new Pkcs12PasswordError();
  } finally {
    key.fill(0);
  }
}

/** MacData: SEQUENCE { SEQUENCE { algorithm, digest }, macSalt, iterations }. */
function assertMac(macData: DerValue, safe: Buffer, password: Buffer): void {
  const [digestInfo, salt, iterations] = readElements(macData.content);
  const [algorithm, digest] = readElements(expectTag(digestInfo, derTags.sequence).content);
  const [hash, parameters] = readElements(expectTag(algorithm, derTags.sequence).content);
  // RFC 3370 §2.1: absent or NULL. The MAC does not cover this element, so nothing else may stand in it.
  if (parameters !== undefined && (parameters.tag !== derTags.null || parameters.content.length > 0)) {
    throw new Pkcs12Error('has another MAC than HMAC with SHA-1');
  }
  if (readOid(hash) !== oids.sha1) throw new Pkcs12Error('has another MAC than HMAC with SHA-1');
  const key = derivePkcs12(pkcs12Purpose.mac, { password, ...boundedDerivation(salt, iterations) }, 20);
  const expected = createHmac('sha1', key).update(safe).digest();
  const given = expectTag(digest, derTags.octetString).content;
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw new Pkcs12PasswordError();
}

function boundedDerivation(
  salt: DerValue | undefined,
  iterations: DerValue | undefined,
): Omit<Pkcs12Derivation, 'password'> {
  const count = readSmallInteger(iterations);
  if (count < minIterations || count > maxIterations) {
    throw new Pkcs12Error(`asks for another number of iterations than ${minIterations} to ${maxIterations}`);
  }
  const bytes = expectTag(salt, derTags.octetString).content;
  if (bytes.length < 8 || bytes.length > maxSaltBytes) throw new DerError('a salt of another length');
  return { salt: bytes, iterations: count };
}
