import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { customResourceDefinition } from '../../../src/api/crd/generate.ts';
import { choice, defaulted, integer, mapOf, object, optional, setOf, text } from '../../../src/api/crd/fields.ts';
import { structuralSchema, type StructuralSchema } from '../../../src/api/crd/structural.ts';
import type { CustomResourceType } from '../../../src/api/custom-resource.ts';
import { customResourceTypes } from '../../../src/api/registry.ts';

const kinds: CustomResourceType[] = Object.values(customResourceTypes);

function* nodesBelow(path: string, node: StructuralSchema): Generator<[string, StructuralSchema]> {
  yield [path, node];
  if (node.items) yield* nodesBelow(`${path}[]`, node.items);
  if (node.additionalProperties) yield* nodesBelow(`${path}{}`, node.additionalProperties);
  for (const [name, property] of Object.entries(node.properties ?? {})) yield* nodesBelow(`${path}.${name}`, property);
}

function nodesOf(kind: CustomResourceType): [string, StructuralSchema][] {
  return [
    ...nodesBelow('spec', structuralSchema(kind.specSchema, 'spec')),
    ...nodesBelow('status', structuralSchema(kind.statusSchema, 'status')),
  ];
}

function isBounded(node: StructuralSchema): boolean {
  if (node.type === 'string') return node.maxLength !== undefined || node.enum !== undefined;
  if (node.type === 'array') return node.maxItems !== undefined;
  if (node.type === 'integer') return node.maximum !== undefined && node.minimum !== undefined;
  return node.additionalProperties === undefined || node.maxProperties !== undefined;
}

describe.each(kinds)('the schema of $kind', (kind) => {
  test('describes every field, for kubectl explain', () => {
    const silent = nodesOf(kind).filter(([, node]) => (node.description ?? '').length < 5);
    expect(silent.map(([path]) => path)).toEqual([]);
  });

  test('bounds every string, list, map and number', () => {
    expect(nodesOf(kind).flatMap(([path, node]) => (isBounded(node) ? [] : [path]))).toEqual([]);
  });

  test('never mixes fixed fields with free ones, and says how every list merges', () => {
    for (const [path, node] of nodesOf(kind)) {
      expect([path, node.properties && node.additionalProperties]).toEqual([path, undefined]);
      if (node.type === 'array') expect([path, node['x-kubernetes-list-type']]).not.toEqual([path, undefined]);
    }
  });

  test('has rules whose messages say what to do', () => {
    for (const [path, node] of nodesOf(kind)) {
      for (const { rule, message } of node['x-kubernetes-validations'] ?? []) {
        expect([path, message]).toEqual([path, expect.stringMatching(/must|give|cannot|add|set|remove|rename|leave/)]);
        expect(rule).toContain('self');
      }
    }
  });

  test('has a Ready column, a Reason column and an Age column, and a status of its own', () => {
    const [version] = customResourceDefinition(kind).spec.versions;
    const names = version?.additionalPrinterColumns.map(({ name }) => name);
    expect(names?.slice(0, 2)).toEqual(['Ready', 'Reason']);
    expect(names?.at(-1)).toBe('Age');
    expect(version?.subresources).toEqual({ status: {} });
  });
});

test('B1: no field of a namespaced kind can name a namespace', () => {
  const namespaced = kinds.filter((kind) => kind.namespaced);
  const naming = namespaced.flatMap((kind) =>
    nodesOf(kind).flatMap(([path]) => (/namespace/i.test(path) ? [`${kind.kind} ${path}`] : [])),
  );
  expect(namespaced.map(({ kind }) => kind)).toEqual(['KmsKey', 'KmsSecret', 'SecretBinding']);
  expect(naming).toEqual([]);
});

describe('the transformer', () => {
  test('writes what each word says', () => {
    const schema = object('All.', {
      name: text('Name.', { max: 5, format: { pattern: /^[a-z]+$/, message: 'must be letters' } }),
      mode: defaulted(choice('Mode.', ['A', 'B']), 'A'),
      count: optional(integer('Count.', 1, 9)),
      words: optional(setOf('Words.', text('Word.', { max: 3 }), { min: 1, max: 2 })),
      labels: optional(mapOf('Labels.', text('Label.', { max: 3, min: 0 }), { max: 4, maxKey: 5 })),
    });
    expect(structuralSchema(schema, 'spec')).toEqual({
      description: 'All.',
      type: 'object',
      required: ['name'],
      properties: {
        name: {
          description: 'Name.',
          type: 'string',
          minLength: 1,
          maxLength: 5,
          'x-kubernetes-validations': [{ rule: "self.matches(r'^[a-z]+$')", message: 'must be letters' }],
        },
        mode: { description: 'Mode.', type: 'string', enum: ['A', 'B'], default: 'A' },
        count: { description: 'Count.', type: 'integer', format: 'int32', minimum: 1, maximum: 9 },
        words: {
          description: 'Words.',
          type: 'array',
          minItems: 1,
          maxItems: 2,
          'x-kubernetes-list-type': 'set',
          items: { description: 'Word.', type: 'string', minLength: 1, maxLength: 3 },
        },
        labels: {
          description: 'Labels.',
          type: 'object',
          maxProperties: 4,
          additionalProperties: { description: 'Label.', type: 'string', maxLength: 3 },
          'x-kubernetes-validations': [
            {
              rule: 'self.all(key, size(key) >= 1 && size(key) <= 5)',
              message: 'every key must have 1 to 5 characters',
            },
          ],
        },
      },
    });
  });

  test.each([
    ['a field without a description', object('All.', { a: z.string().max(3) }), 'spec.a has no description'],
    ['an unbounded string', object('All.', { a: z.string().describe('A.') }), 'spec.a has no bound: give maxLength'],
    ['an unbounded list', object('All.', { a: z.array(choice('B.', ['b'])).describe('A.') }), 'spec.a has no bound'],
    ['a union', object('All.', { a: z.union([z.string(), z.int()]).describe('A.') }), 'spec.a: anyOf has no place'],
    ['a pattern with a quote in it', undefined, 'would end the CEL string'],
  ])('refuses %s', (_title, schema, message) => {
    expect(() => {
      if (schema) structuralSchema(schema, 'spec');
      else text('A.', { max: 3, format: { pattern: /'/, message: 'must be a quote' } });
    }).toThrow(message);
  });
});
