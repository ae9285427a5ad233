import { p256, p256k, type EcdsaCurve } from './ecdsa-digest.ts';
import type { PairShape } from './key-pair.ts';

/** What a key is for. A key has one usage for life. */
export type KeyUsage = 'ENCRYPT/DECRYPT' | 'SIGN/VERIFY' | 'GENERATE/VERIFY MAC';

/** Kinds of key provider: in process, in an HSM, or with the key's owner. */
export type ProviderKind = 'software' | 'pkcs11' | 'xki';

/** One key spec: everything that the rest of the service asks about it. */
export interface KeySpecRow {
  /** Name in the API, such as `Aliyun_AES_256`. */
  readonly name: string;
  readonly form: 'symmetric' | 'asymmetric' | 'mac';
  /** Usages a key of this spec may have, the default one first. */
  readonly usages: readonly KeyUsage[];
  /** Algorithms per usage, the default one first. */
  readonly algorithms: Readonly<Partial<Record<KeyUsage, readonly string[]>>>;
  /** Size of symmetric or MAC material in bytes. */
  readonly materialBytes?: number;
  /** OpenSSL name of the AEAD that the software provider runs. */
  readonly cipher?: 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm' | 'sm4-gcm';
  /** OpenSSL name of the hash of a MAC spec. */
  readonly macHash?: 'sha224' | 'sha256' | 'sha384' | 'sha512' | 'sm3';
  /** How an asymmetric key pair is generated. */
  readonly pair?: PairShape;
  /** Providers that can hold a key of this spec. */
  readonly providers: readonly ProviderKind[];
  /** Those of them that hold keys of this spec for signatures only. */
  readonly signsOnlyIn?: readonly ProviderKind[];
  /** Whether the key may have more than one version. */
  readonly rotates: boolean;
  /** Whether versions may be added by a rotation policy; whoever names a version must be told of a new one. */
  readonly rotatesAutomatically: boolean;
}

function aesGcm(bits: 128 | 192 | 256, providers: readonly ProviderKind[]): KeySpecRow {
  return {
    name: `Aliyun_AES_${bits}`,
    form: 'symmetric',
    usages: ['ENCRYPT/DECRYPT'],
    algorithms: { 'ENCRYPT/DECRYPT': ['AES_GCM'] },
    materialBytes: bits / 8,
    cipher: `aes-${bits}-gcm`,
    providers,
    rotates: true,
    rotatesAutomatically: true,
  };
}

/** Key material is as long as the hash (RFC 2104 §3). The MAC names no version, so there is only one. */
function hmac(name: string, macHash: NonNullable<KeySpecRow['macHash']>, materialBytes: number): KeySpecRow {
  return {
    name,
    form: 'mac',
    usages: ['GENERATE/VERIFY MAC'],
    algorithms: { 'GENERATE/VERIFY MAC': [name] },
    materialBytes,
    macHash,
    providers: macHash === 'sm3' ? ['software'] : ['software', 'pkcs11'],
    rotates: false,
    rotatesAutomatically: false,
  };
}

/** SM4-GCM (GB/T 32907-2016, RFC 8998). */
const sm4: KeySpecRow = {
  name: 'Aliyun_SM4',
  form: 'symmetric',
  usages: ['ENCRYPT/DECRYPT'],
  algorithms: { 'ENCRYPT/DECRYPT': ['SM4_GCM'] },
  materialBytes: 16,
  cipher: 'sm4-gcm',
  providers: ['software'],
  rotates: true,
  rotatesAutomatically: true,
};

function rsa(modulusBits: number): KeySpecRow {
  return {
    name: `RSA_${modulusBits}`,
    form: 'asymmetric',
    usages: ['SIGN/VERIFY', 'ENCRYPT/DECRYPT'],
    algorithms: {
      'SIGN/VERIFY': ['RSA_PSS_SHA_256', 'RSA_PKCS1_SHA_256'],
      'ENCRYPT/DECRYPT': ['RSAES_OAEP_SHA_256', 'RSAES_OAEP_SHA_1'],
    },
    pair: { modulusBits },
    providers: ['software', 'pkcs11'],
    rotates: true,
    rotatesAutomatically: false,
  };
}

function ec(name: string, { namedCurve }: EcdsaCurve): KeySpecRow {
  return {
    name,
    form: 'asymmetric',
    usages: ['SIGN/VERIFY', 'ENCRYPT/DECRYPT'],
    algorithms: { 'SIGN/VERIFY': ['ECDSA_SHA_256'], 'ENCRYPT/DECRYPT': ['ECIES_DH_SHA_1_XOR_HMAC'] },
    pair: { namedCurve },
    providers: ['software', 'pkcs11'],
    signsOnlyIn: ['pkcs11'],
    rotates: true,
    rotatesAutomatically: false,
  };
}

/** SM2 (GB/T 32918, GM/T 0009). */
const sm2: KeySpecRow = {
  name: 'EC_SM2',
  form: 'asymmetric',
  usages: ['SIGN/VERIFY', 'ENCRYPT/DECRYPT'],
  algorithms: { 'SIGN/VERIFY': ['SM2DSA'], 'ENCRYPT/DECRYPT': ['SM2PKE'] },
  pair: { namedCurve: 'SM2' },
  providers: ['software'],
  rotates: true,
  rotatesAutomatically: false,
};

function table(rows: readonly KeySpecRow[]): Readonly<Record<string, KeySpecRow>> {
  const entries = Object.create(null) as Record<string, KeySpecRow>;
  for (const row of rows) entries[row.name] = row;
  return Object.freeze(entries);
}

/**
 * Name → row. Has no prototype, so a lookup by a caller's text finds rows only. To add a key spec, add its row.
 * Source: KMS "Key specifications".
 */
export const keySpecs: Readonly<Record<string, KeySpecRow>> = table([
  aesGcm(256, ['software', 'pkcs11', 'xki']),
  aesGcm(192, ['software', 'pkcs11']),
  aesGcm(128, ['software', 'pkcs11']),
  sm4,
  rsa(2048),
  rsa(3072),
  rsa(4096),
  ec('EC_P256', p256),
  ec('EC_P256K', p256k),
  sm2,
  hmac('HMAC_SHA_224', 'sha224', 28),
  hmac('HMAC_SHA_256', 'sha256', 32),
  hmac('HMAC_SHA_384', 'sha384', 48),
  hmac('HMAC_SHA_512', 'sha512', 64),
  hmac('HMAC_SM3', 'sm3', 32),
]);

/** Usages that a key of the spec may have with a provider of that kind, the default one first. */
export function usagesIn(row: KeySpecRow, kind: ProviderKind): readonly KeyUsage[] {
  return row.signsOnlyIn?.includes(kind) === true ? ['SIGN/VERIFY'] : row.usages;
}

/** The spec of a key that is created without one (KMS CreateKey). */
export const defaultKeySpec = 'Aliyun_AES_256';

/** Names of the specs that a provider of `kind` can hold, in the table's order. */
export function keySpecsOf(kind: ProviderKind): readonly string[] {
  return Object.values(keySpecs)
    .filter((row) => row.providers.includes(kind))
    .map((row) => row.name);
}
