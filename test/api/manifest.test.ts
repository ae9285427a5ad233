import * as fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { formatManifestError, parseManifest } from '../../src/api/manifest.ts';
import { malformedManifests, objectOf } from './malformed-manifests.ts';

const key = (metadata: object, spec: object = {}): string =>
  stringify({ apiVersion: 'kaap.dev/v1alpha1', kind: 'KmsKey', metadata, spec });

describe('a manifest that is refused', () => {
  const rows = malformedManifests.map((row) => [row.title, row.field, row] as const);
  test.each(rows)('refuses %s, naming %s', (_title, _field, row) => {
    const { objects, errors } = parseManifest(stringify(objectOf(row)));
    expect(objects).toEqual([]);
    expect(errors.map(({ path, message }) => ({ path, message }))).toContainEqual({
      path: row.field,
      message: expect.stringContaining(row.says) as string,
    });
  });

  test('names the line, the object and the field', () => {
    const [error] = parseManifest(`# a key\n${key({ name: 'db', namespace: 'shop' }, { enabled: 'yes' })}`).errors;
    expect(error && formatManifestError(error)).toBe(
      'line 8: KmsKey shop/db: spec.enabled: Invalid value: must be of type boolean',
    );
  });

  test('is said to be of an unknown kind, with the known ones', () => {
    const [error] = parseManifest('apiVersion: kaap.dev/v1alpha1\nkind: KmsKeys\nmetadata: {name: a}\n').errors;
    expect(error).toMatchObject({
      line: 2,
      path: 'kind',
      message: expect.stringContaining('KmsKey, KmsSecret') as string,
    });
  });

  test('of an unknown version is refused', () => {
    const [error] = parseManifest('apiVersion: kaap.dev/v1\nkind: KmsKey\nmetadata: {name: a}\nspec: {}\n').errors;
    expect(error).toMatchObject({
      path: 'apiVersion',
      message: expect.stringContaining('kaap.dev/v1alpha1') as string,
    });
  });

  test('shows no text of the manifest when it is not YAML', () => {
    const { errors } = parseManifest('password: [hunter2\n');
    expect(errors).toHaveLength(1);
    expect(JSON.stringify(errors)).not.toContain('hunter2');
  });

  test('gives every error of every document at once', () => {
    const { errors } = parseManifest(
      [key({ name: 'A' }, { keySpec: 'x' }), key({ name: 'b' }, { origin: 'y' })].join('---\n'),
    );
    expect(errors.map(({ path }) => path)).toEqual(['metadata.name', 'spec.keySpec', 'spec.origin']);
  });

  test.each(['kaap', '42', '[]', 'kind: KmsKey', 'apiVersion: kaap.dev/v1alpha1\n', 'apiVersion: v1\nkind: Pod\n'])(
    'is an error, not a crash: %s',
    (text) => {
      expect(parseManifest(text).errors).not.toEqual([]);
    },
  );

  test('is never the cause of an exception, whatever it says', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.jsonValue().map((value) => stringify(value)),
        ),
        (text) => {
          parseManifest(text);
        },
      ),
    );
  });

  test('is never the cause of an exception, whatever its spec says', () => {
    const names = fc.constantFrom(
      'sources',
      'env',
      'files',
      'podSelector',
      'generate',
      'tags',
      'authentication',
      'name',
    );
    const kinds = fc.constantFrom(...new Set(malformedManifests.map(({ kind }) => kind)));
    fc.assert(
      fc.property(kinds, fc.dictionary(names, fc.jsonValue()), (kind, spec) => {
        expect(parseManifest(JSON.stringify(objectOf({ kind, spec }))).errors).toBeInstanceOf(Array);
      }),
    );
  });
});

describe('a manifest that is good', () => {
  test('has its defaults', () => {
    expect(parseManifest(key({ name: 'db' })).objects[0]).toEqual({
      apiVersion: 'kaap.dev/v1alpha1',
      kind: 'KmsKey',
      metadata: { name: 'db', namespace: 'default' },
      spec: {
        keySpec: 'Aliyun_AES_256',
        keyUsage: 'ENCRYPT/DECRYPT',
        origin: 'Aliyun_KMS',
        enabled: true,
        deletionProtection: false,
        deletionPolicy: 'Retain',
        pendingWindowDays: 30,
      },
    });
  });

  test('goes to the namespace that was asked for, unless it names one', () => {
    const text = [key({ name: 'db' }), key({ name: 'db', namespace: 'till' })].join('---\n');
    const { objects } = parseManifest(text, { namespace: 'shop' });
    expect(objects.map(({ metadata }) => metadata.namespace)).toEqual(['shop', 'till']);
  });

  test('has no namespace when its kind has none', () => {
    const rule = { apiVersion: 'kaap.dev/v1alpha1', kind: 'NetworkRule', metadata: { name: 'a', namespace: 'shop' } };
    const { objects } = parseManifest(stringify({ ...rule, spec: { type: 'Private', addresses: ['10.0.0.1'] } }));
    expect(objects[0]?.metadata).toEqual({ name: 'a' });
  });

  test('loses a status that it brings', () => {
    const { objects } = parseManifest(`${key({ name: 'db' })}status: {keyId: forged}\n`);
    expect(objects[0]).not.toHaveProperty('status');
  });

  test('may be a List, JSON, several documents, and empty ones', () => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'shop' } };
    const item = { apiVersion: 'kaap.dev/v1alpha1', kind: 'KmsKey', metadata: { name: 'db' }, spec: {} };
    const text = `# nothing\n---\n${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [item, pod] })}\n---\n`;
    const { objects, others, errors } = parseManifest(text);
    expect(errors).toEqual([]);
    expect(objects.map(({ metadata }) => metadata.name)).toEqual(['db']);
    expect(others).toEqual([pod]);
  });

  test.each(['::', '::/0', '2001:db8::1', '10.1.2.3', '10.1.2.3/8', '0.0.0.0/0'])(
    'may name the network %s',
    (address) => {
      const rule = { apiVersion: 'kaap.dev/v1alpha1', kind: 'NetworkRule', metadata: { name: 'a' } };
      expect(parseManifest(stringify({ ...rule, spec: { type: 'Public', addresses: [address] } })).errors).toEqual([]);
    },
  );
});

const examples = join(import.meta.dirname, '../../examples');
const files = readdirSync(examples, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml'));
// Values of the chart are in folders of their own; test/chart/render renders them.
const manifests = files.filter((name) => !name.includes('/chart/'));

test.each(manifests)('example %s is good', (name) => {
  const { objects, others, errors } = parseManifest(readFileSync(join(examples, name), 'utf8'));
  expect(errors.map(formatManifestError)).toEqual([]);
  expect(objects.length + others.length).toBeGreaterThan(0);
});
