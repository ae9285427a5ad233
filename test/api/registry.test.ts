import { expect, test } from 'vitest';
import { structuralSchema } from '../../src/api/crd/structural.ts';
import type { CustomResourceType } from '../../src/api/custom-resource.ts';
import { customResourceTypes } from '../../src/api/registry.ts';
import { defaultKeySpec, keySpecs } from '../../src/crypto/key-specs.ts';
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

test('a KmsKey can be asked for with every key spec that the KMS can make, and with no other', () => {
  const { properties = {} } = structuralSchema(customResourceTypes.KmsKey.specSchema, 'spec');
  expect(properties['keySpec']?.enum).toEqual(Object.keys(keySpecs));
  expect(properties['keySpec']?.default).toBe(defaultKeySpec);
});

test('generated files are up to date', () => {
  expect(staleFiles()).toEqual([]);
});
