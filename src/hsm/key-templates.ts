import type { Attribute, Mechanism } from 'pkcs11js';
import { keySpecs, type KeySpecRow } from '../crypto/key-specs.ts';
import { derOid } from '../crypto/der.ts';
import { hsmStatus } from '../providers/pkcs11-frames.ts';
import { TokenError } from './token-error.ts';
import type { OpenToken } from './module.ts';

type Binding = OpenToken['binding'];

/** Object identifiers of the curves, as CKA_EC_PARAMS takes them. */
const curveOids: Readonly<Record<string, string>> = {
  prime256v1: '1.2.840.10045.3.1.7',
  secp256k1: '1.3.132.0.10',
};

/** What every private or secret key of ours may do and may not. One that is to be wrapped can leave the token, wrapped only. */
function guarded(binding: Binding, stays: boolean, id: Buffer): Attribute[] {
  return [
    { type: binding.CKA_TOKEN, value: stays },
    { type: binding.CKA_PRIVATE, value: true },
    { type: binding.CKA_SENSITIVE, value: true },
    { type: binding.CKA_EXTRACTABLE, value: !stays },
    { type: binding.CKA_ID, value: id },
    { type: binding.CKA_LABEL, value: `kaap-${id.toString('hex')}` },
  ];
}

function usages(binding: Binding, row: KeySpecRow): Attribute[] {
  const kinds = {
    symmetric: [binding.CKA_ENCRYPT, binding.CKA_DECRYPT],
    asymmetric: 'modulusBits' in (row.pair ?? {}) ? [binding.CKA_SIGN, binding.CKA_DECRYPT] : [binding.CKA_SIGN],
    mac: [binding.CKA_SIGN],
  }[row.form];
  return kinds.map((type) => ({ type, value: true }));
}

/** The row of a spec. Throws `unsupported` for one that no HSM has here, such as those of SM2, SM3 and SM4. */
export function hsmRow(spec: string): KeySpecRow {
  const row = keySpecs[spec];
  if (row?.providers.includes('pkcs11') === true) return row;
  throw new TokenError(hsmStatus.unsupported, `KeySpec ${spec} has no keys in an HSM.`);
}

/** How a key of a spec is made. `stays`: as an object of the token. */
export interface KeyRecipe {
  mechanism: Mechanism;
  /** The secret or private key. */
  template: Attribute[];
  /** The public key of a pair. */
  publicTemplate?: Attribute[];
}

export function recipeOf(binding: Binding, row: KeySpecRow, stays: boolean, id: Buffer): KeyRecipe {
  const template = [...guarded(binding, stays, id), ...usages(binding, row)];
  if (row.pair === undefined) {
    const mechanism = row.form === 'mac' ? binding.CKM_GENERIC_SECRET_KEY_GEN : binding.CKM_AES_KEY_GEN;
    const length = { type: binding.CKA_VALUE_LEN, value: row.materialBytes ?? 0 };
    return { mechanism: { mechanism }, template: [...template, length] };
  }
  const publicGuard = [{ type: binding.CKA_TOKEN, value: false }];
  if ('modulusBits' in row.pair) {
    return {
      mechanism: { mechanism: binding.CKM_RSA_PKCS_KEY_PAIR_GEN },
      template,
      publicTemplate: [
        ...publicGuard,
        { type: binding.CKA_MODULUS_BITS, value: row.pair.modulusBits },
        { type: binding.CKA_PUBLIC_EXPONENT, value: Buffer.from([1, 0, 1]) },
      ],
    };
  }
  const oid = derOid(curveOids[row.pair.namedCurve] ?? '');
  return {
    mechanism: { mechanism: binding.CKM_EC_KEY_PAIR_GEN },
    template,
    publicTemplate: [...publicGuard, { type: binding.CKA_EC_PARAMS, value: oid }],
  };
}

/** Class and type of a key that is unwrapped or given. */
export function kindOf(binding: Binding, row: KeySpecRow): Attribute[] {
  const [keyClass, keyType] =
    row.pair !== undefined
      ? [binding.CKO_PRIVATE_KEY, 'modulusBits' in row.pair ? binding.CKK_RSA : binding.CKK_EC]
      : [binding.CKO_SECRET_KEY, row.form === 'mac' ? binding.CKK_GENERIC_SECRET : binding.CKK_AES];
  return [
    { type: binding.CKA_CLASS, value: keyClass },
    { type: binding.CKA_KEY_TYPE, value: keyType },
  ];
}

/** A key that is unwrapped into the session of this process. It never leaves again. */
export function unwrappedTemplate(binding: Binding, row: KeySpecRow, id: Buffer): Attribute[] {
  const template = guarded(binding, false, id).map((attribute) =>
    attribute.type === binding.CKA_EXTRACTABLE ? { ...attribute, value: false } : attribute,
  );
  return [...kindOf(binding, row), ...template, ...usages(binding, row)];
}

/** A key whose bytes are given. */
export function importTemplate(
  binding: Binding,
  row: KeySpecRow,
  stays: boolean,
  id: Buffer,
  value: Buffer,
): Attribute[] {
  return [
    ...kindOf(binding, row),
    ...guarded(binding, stays, id),
    ...usages(binding, row),
    { type: binding.CKA_VALUE, value },
  ];
}

/** The key that wraps the others of one instance. */
export function wrappingRecipe(binding: Binding, id: Buffer): KeyRecipe {
  return {
    mechanism: { mechanism: binding.CKM_AES_KEY_GEN },
    template: [
      ...guarded(binding, true, id),
      { type: binding.CKA_VALUE_LEN, value: 32 },
      { type: binding.CKA_WRAP, value: true },
      { type: binding.CKA_UNWRAP, value: true },
    ],
  };
}
