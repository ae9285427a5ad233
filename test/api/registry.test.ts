import { expect, test } from 'vitest';
import type { CustomResourceType } from '../../src/api/custom-resource.ts';
import { customResourceTypes } from '../../src/api/registry.ts';
import { keySpecs } from '../../src/crypto/key-specs.ts';
import { staleFiles } from '../../tools/generate.ts';

const kinds: [string, CustomResourceType][] = Object.entries(customResourceTypes);

test('every kind is in the table under its own name', () => {
  expect(kinds.map(([name]) => name)).toEqual(kinds.map(([, { kind }]) => kind));
});

test('no two kinds share a plural or a short name', () => {
  const names = kinds.flatMap(([, { plural, shortNames }]) => [plural, ...shortNames]);
  expect(new Set(names).size).toBe(names.length);
});

test('every kind is in the category kaap', () => {
  for (const [, { categories }] of kinds) expect(categories).toContain('kaap');
});

test('every key spec that the KMS can make can be asked for in a KmsKey', () => {
  for (const keySpec of Object.keys(keySpecs)) {
    const keyUsage = keySpecs[keySpec]?.usages[0];
    expect(customResourceTypes.KmsKey.specSchema.safeParse({ keySpec, keyUsage }).error).toBeUndefined();
  }
});

test('generated files are up to date', () => {
  expect(staleFiles()).toEqual([]);
});
