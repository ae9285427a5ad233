import { createHash, getCipherInfo, getCurves } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { asymmetricCiphers, signatureAlgorithms } from '../../src/crypto/asymmetric.ts';
import { defaultKeySpec, keySpecs, keySpecsOf, usagesIn } from '../../src/crypto/key-specs.ts';

describe('keySpecs', () => {
  it('has no rows but its own', () => {
    expect(keySpecs['constructor']).toBeUndefined();
    expect(keySpecs['__proto__']).toBeUndefined();
  });

  it.each(Object.values(keySpecs))('$name is consistent with itself and with node:crypto', (row) => {
    expect(keySpecs[row.name]).toBe(row);
    expect(row.usages.length).toBeGreaterThan(0);
    for (const usage of row.usages) expect(row.algorithms[usage]?.length).toBeGreaterThan(0);
  });

  it.each(Object.values(keySpecs).filter(({ form }) => form === 'symmetric'))('$name has a cipher', (row) => {
    expect(row.cipher).toBeDefined();
    expect(getCipherInfo(row.cipher ?? '')).toMatchObject({ keyLength: row.materialBytes, ivLength: 12, mode: 'gcm' });
  });

  it.each(Object.values(keySpecs).filter(({ form }) => form === 'asymmetric'))(
    '$name has algorithms that are there, and a pair that can be made',
    (row) => {
      for (const name of row.algorithms['SIGN/VERIFY'] ?? []) expect(signatureAlgorithms.has(name)).toBe(true);
      for (const name of row.algorithms['ENCRYPT/DECRYPT'] ?? []) expect(asymmetricCiphers.has(name)).toBe(true);
      const { pair = { modulusBits: 0 } } = row;
      if ('namedCurve' in pair) expect(getCurves()).toContain(pair.namedCurve);
      else expect(row.name).toBe(`RSA_${pair.modulusBits}`);
      expect(row.rotatesAutomatically).toBe(false);
    },
  );

  it.each(Object.values(keySpecs).filter(({ form }) => form === 'mac'))(
    '$name has material as long as its hash',
    (row) => {
      expect(createHash(row.macHash ?? '').digest()).toHaveLength(row.materialBytes ?? 0);
      expect(row.algorithms['GENERATE/VERIFY MAC']).toEqual([row.name]);
      expect(row.rotates).toBe(false);
    },
  );

  it('has EC keys that encrypt in software, and in an HSM none', () => {
    for (const name of ['EC_P256', 'EC_P256K']) {
      const row = keySpecs[name];
      if (row === undefined) throw new Error(`there is no ${name}`);
      expect(usagesIn(row, 'software')).toEqual(['SIGN/VERIFY', 'ENCRYPT/DECRYPT']);
      expect(usagesIn(row, 'pkcs11')).toEqual(['SIGN/VERIFY']);
    }
  });

  it('lists the specs of a provider', () => {
    expect(keySpecsOf('software')).toEqual(Object.keys(keySpecs));
    const tokens = keySpecsOf('software').filter((name) => !/SM[234]/.test(name));
    expect(keySpecsOf('pkcs11')).toEqual(tokens);
    expect(keySpecsOf('xki')).toEqual([defaultKeySpec]);
  });
});
