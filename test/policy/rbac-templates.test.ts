import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  clientKeyPasswordSecret,
  expandRbacPolicy,
  isTemplateAction,
  parseRbacResource,
  rbacMismatch,
  rbacResourceMatches,
  rbacTemplates,
} from '../../src/policy/rbac-templates.ts';
import { context, request } from '../support/policy-scene.ts';

interface TemplateVector {
  resourceKind: string;
  actions: string[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../vectors/policy/templates.json', import.meta.url), 'utf8'),
) as Record<string, TemplateVector>;

const policy = { name: 'p', scope: 'shared', permissions: ['SecretUser'], resources: ['secret/a'] };

describe('a permission template', () => {
  test.each(Object.entries(vectors))(
    'D10: %s gives exactly the actions of its vector',
    (name, { resourceKind, actions }) => {
      const template = rbacTemplates.get(name);
      expect(template?.resourceKind).toBe(resourceKind);
      expect([...(template?.actions ?? [])].toSorted()).toEqual(actions);
      expect(actions.every(isTemplateAction)).toBe(true);
    },
  );

  test('D10: has a vector, each of them', () => {
    expect(new Set([...rbacTemplates.values()].map(({ name }) => name))).toEqual(new Set(Object.keys(vectors)));
  });

  test.each([
    ['RbacPermission/Template/CryptoServiceSecretUser', 'SecretUser'],
    ['RbacPermission/Template/CryptoServiceKeyUser', 'CryptoServiceKeyUser'],
    ['CryptoServiceSecretUser', 'SecretUser'],
    ['CryptoServiceKeyUser', 'CryptoServiceKeyUser'],
    ['SecretUser', 'SecretUser'],
  ])('is known as %s', (spelling, name) => {
    expect(rbacTemplates.get(spelling)?.name).toBe(name);
  });

  test.each(['secretuser', 'Admin', 'toString', '', 'RbacPermission/Template/*'])(
    'D5: is not known as %j',
    (spelling) => {
      expect(() => expandRbacPolicy({ ...policy, permissions: [spelling] })).toThrow(
        expect.objectContaining({ code: 'InvalidParameter' }),
      );
    },
  );

  test('gives its actions on its own kind of resource only', () => {
    const both = expandRbacPolicy({
      ...policy,
      permissions: ['SecretUser', 'CryptoServiceKeyUser'],
      resources: ['secret/a', 'key/1'],
    });
    const mismatch = (action: string, relativeId: string): string | undefined =>
      rbacMismatch(both, request(action, relativeId), relativeId, context);
    expect(mismatch('kms:GetSecretValue', 'secret/a')).toBeUndefined();
    expect(mismatch('kms:Decrypt', 'key/1')).toBeUndefined();
    expect(mismatch('kms:Decrypt', 'secret/a')).toBe('it does not list this resource');
    expect(mismatch('kms:GetSecretValue', 'key/1')).toBe('it does not list this resource');
  });
});

describe('a resource of a permission policy', () => {
  test.each([
    ['secret/dataKey*', 'secret/dataKey1', true],
    ['secret/dataKey*', 'secret/dataKey', true],
    ['secret/dataKey*', 'secret/datakey1', false],
    ['secret/shop/*', 'secret/shop/db', true],
    ['secret/shop/*', 'secret/shop', false],
    ['secret/shop/*', 'secret/shop2/db', false],
    ['secret/*', 'secret/a', true],
    ['secret/*', 'secret', false],
    ['key/1', 'key/1', true],
    ['key/1', 'key/12', false],
    ['key/*', 'secret/1', false],
  ])('%s covers %s: %s', (resource, relativeId, expected) => {
    expect(rbacResourceMatches(parseRbacResource(resource), relativeId)).toBe(expected);
  });

  test.each([
    'secret/*x',
    'secret/a*b*',
    'secret/**',
    '*',
    'secret*',
    's*',
    '',
    'secret',
    'secret/',
    'secret//*',
    'secret/a//b',
    'secret/./a',
    'secret/../a',
    'secret/..*/..',
    'secret/%2e%2e/a',
    'secret/a?',
    'secret/a b',
    'secret/a,b',
    'secret/${x}',
    'alias/a',
    'Secret/a',
    'acs:kms:local:1:secret/a',
    ' secret/a',
    'secret/kaap/client-key/shop/*',
    'secret/kaap/client-key/*',
    `secret/${'x'.repeat(10_000)}`,
  ])('D1: is refused: %j', (resource) => {
    expect(() => parseRbacResource(resource)).toThrow(expect.objectContaining({ code: 'InvalidParameter' }));
  });

  test('D2: covers no more than the texts that begin with it, whatever the name holds', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '*', '/', ',', '+', '.', '%', '?'), maxLength: 6 });
    fc.assert(
      fc.property(text, text, (written, asked) => {
        let resource;
        try {
          resource = parseRbacResource(`secret/${written}`);
        } catch {
          return;
        }
        const literal = `secret/${written}`.replace(/\*$/, '');
        const covered = rbacResourceMatches(resource, `secret/${asked}`);
        expect(covered).toBe(resource.wildcard ? `secret/${asked}`.startsWith(literal) : `secret/${asked}` === literal);
      }),
    );
  });
});

describe('the password of a client key', () => {
  test('has a name that an access point can be read from', () => {
    expect(clientKeyPasswordSecret('shop', 'KAAP.1')).toBe('kaap/client-key/shop/KAAP.1');
  });

  test('is covered by no policy, also not by one for every secret', () => {
    const all = expandRbacPolicy({ ...policy, resources: ['secret/*', 'secret/kaap/*', 'secret/k*'] });
    const relativeId = `secret/${clientKeyPasswordSecret('shop', 'KAAP.1')}`;
    expect(rbacMismatch(all, request('kms:GetSecretValue', relativeId), relativeId, context)).toBeDefined();
    expect(
      rbacMismatch(all, request('kms:GetSecretValue', 'secret/kaap/other'), 'secret/kaap/other', context),
    ).toBeUndefined();
  });
});
