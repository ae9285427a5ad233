import { describe, expect, test } from 'vitest';
import { structuralSchema, type StructuralSchema } from '../../src/api/crd/structural.ts';
import { kmsKeyType } from '../../src/api/v1alpha1/kms-key.ts';
import { kmsSecretType } from '../../src/api/v1alpha1/kms-secret.ts';
import { secretBindingType } from '../../src/api/v1alpha1/secret-binding.ts';
import { customResourceTypes } from '../../src/api/registry.ts';

/** Every way to write "of another namespace" that somebody could try, and names that look like another. */
const elsewhere = [
  'other/db',
  '../other/db',
  '/other/db',
  'other:db',
  'db.',
  'db%2F..',
  'DB',
  'dｂ',
  'db\n',
  'other\\db',
];

/** One object of each namespaced kind in which every field is given that names something. */
const full: Readonly<Record<string, object>> = {
  KmsKey: { aliases: ['db'] },
  KmsSecret: { name: 'db', encryptionKey: { name: 'db' } },
  SecretBinding: {
    podSelector: {},
    serviceAccounts: ['db'],
    accessPoint: 'db',
    containers: ['db'],
    commands: [{ container: 'db', command: ['/db'] }],
    sources: [{ name: 'db', secret: { name: 'shop/db' } }],
    env: [{ name: 'DB', source: 'db' }],
    files: [{ path: 'db', source: 'db' }],
    refresh: { signal: { process: 'db' } },
  },
};

/** What names no object of the cluster, or what is decided elsewhere; with the reason. */
const others: Readonly<Record<string, string>> = {
  'SecretBinding spec.sources[].secret.name': 'a secret of KMS; the policies of the access point decide, in kms',
  'SecretBinding spec.env[].name': 'a variable',
  'SecretBinding spec.refresh.signal.process': 'a program',
  'KmsSecret spec.generate.generatedField': 'a field of the value',
};

const kinds = Object.values(customResourceTypes).filter(({ namespaced }) => namespaced);

function* textsBelow(path: string, node: StructuralSchema): Generator<[path: string, description: string]> {
  if (node.type === 'string' && node.enum === undefined) yield [path, node.description ?? ''];
  if (node.items) yield* textsBelow(`${path}[]`, node.items);
  for (const [name, property] of Object.entries(node.properties ?? {})) yield* textsBelow(`${path}.${name}`, property);
}

/** Text fields that name something, as their descriptions say, of every namespaced kind. */
const references = kinds.flatMap(({ kind, specSchema }) =>
  [...textsBelow('spec', structuralSchema(specSchema, 'spec'))]
    .filter(([path, description]) => /\bname\b|alias/i.test(`${path} ${description}`))
    .map(([path]) => `${kind} ${path}`)
    .filter((reference) => !Object.hasOwn(others, reference)),
);

/** The spec with `value` at a path such as `spec.sources[].name`; undefined where the spec has nothing there. */
function withValue(spec: unknown, path: readonly string[], value: string): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return typeof spec === 'string' ? value : undefined;
  const key = step === '[]' ? 0 : step;
  const child = (spec as Record<string | number, unknown> | undefined)?.[key];
  const replaced = child === undefined ? undefined : withValue(child, rest, value);
  if (replaced === undefined) return undefined;
  return Array.isArray(spec) ? [replaced] : { ...(spec as object), [key]: replaced };
}

const stepsOf = (path: string): string[] => path.replaceAll('[]', '.[]').split('.').slice(1);
const types = { KmsKey: kmsKeyType, KmsSecret: kmsSecretType, SecretBinding: secretBindingType };

describe('B1, B4: a reference to another namespace', () => {
  test('is tried in every field of the schemas that names something', () => {
    expect(references.length).toBeGreaterThanOrEqual(9);
    for (const [kind, type] of Object.entries(types))
      expect(type.specSchema.safeParse(full[kind]).error).toBeUndefined();
    const missing = references.filter((reference) => {
      const [kind = '', path = ''] = reference.split(' ');
      return withValue(full[kind], stepsOf(path), 'x') === undefined;
    });
    expect(missing).toEqual([]);
  });

  test.each(references)('is refused in %s, however it is written', (reference) => {
    const [kind = '', path = ''] = reference.split(' ');
    const type = types[kind as keyof typeof types];
    for (const value of elsewhere) {
      const parsed = type.specSchema.safeParse(withValue(full[kind], stepsOf(path), value));
      const stays = parsed.success && allowedIn(reference, value);
      expect([value, parsed.success]).toEqual([value, stays]);
    }
  });
});

/** What a field takes because it stays below the object's own namespace all the same: KMS gets `<namespace>/<value>`. */
function allowedIn(reference: string, value: string): boolean {
  const below: Readonly<Record<string, readonly string[]>> = {
    'KmsSecret spec.name': ['other/db', 'db.', 'DB'],
    'KmsKey spec.aliases[]': ['other/db', 'DB', 'db.'],
    'SecretBinding spec.files[].path': ['other/db', 'db.', 'DB'],
  };
  return below[reference]?.includes(value) === true;
}
