import { getCipherInfo } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { defaultKeySpec, keySpecs, keySpecsOf } from '../../src/crypto/key-specs.ts';

describe('keySpecs', () => {
  it('has no rows but its own', () => {
    expect(keySpecs['constructor']).toBeUndefined();
    expect(keySpecs['__proto__']).toBeUndefined();
  });

  it.each(Object.values(keySpecs))('$name is consistent with itself and with node:crypto', (row) => {
    expect(keySpecs[row.name]).toBe(row);
    expect(row.usages.length).toBeGreaterThan(0);
    for (const usage of row.usages) expect(row.algorithms[usage]?.length).toBeGreaterThan(0);
    expect(row.cipher).toBeDefined();
    expect(getCipherInfo(row.cipher ?? '')).toMatchObject({ keyLength: row.materialBytes, ivLength: 12, mode: 'gcm' });
  });

  it('lists the specs of a provider', () => {
    expect(keySpecsOf('software')).toEqual(['Aliyun_AES_256', 'Aliyun_AES_192', 'Aliyun_AES_128']);
    expect(keySpecsOf('xki')).toEqual([defaultKeySpec]);
  });
});
