import { p256, p256k, type EcdsaCurve } from './ecdsa-digest.ts';

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
  readonly cipher?: 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm';
  /** How an asymmetric key pair is generated: RSA by its modulus, EC by OpenSSL's name of the curve. */
  readonly pair?: { readonly modulusBits: number } | { readonly namedCurve: EcdsaCurve['namedCurve'] };
  /** Providers that can hold a key of this spec. */
  readonly providers: readonly ProviderKind[];
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
    providers: ['software'],
    rotates: true,
    rotatesAutomatically: false,
  };
}

function ec(name: string, { namedCurve }: EcdsaCurve): KeySpecRow {
  return {
    name,
    form: 'asymmetric',
    usages: ['SIGN/VERIFY'],
    algorithms: { 'SIGN/VERIFY': ['ECDSA_SHA_256'] },
    pair: { namedCurve },
    providers: ['software'],
    rotates: true,
    rotatesAutomatically: false,
  };
}

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
  rsa(2048),
  rsa(3072),
  rsa(4096),
  ec('EC_P256', p256),
  ec('EC_P256K', p256k),
]);

/** The spec of a key that is created without one (KMS CreateKey). */
export const defaultKeySpec = 'Aliyun_AES_256';

/** Names of the specs that a provider of `kind` can hold, in the table's order. */
export function keySpecsOf(kind: ProviderKind): readonly string[] {
  return Object.values(keySpecs)
    .filter((row) => row.providers.includes(kind))
    .map((row) => row.name);
}
