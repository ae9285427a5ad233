import * as fc from 'fast-check';
import { posix } from 'node:path';
import { expect, test } from 'vitest';
import { secretBindingType } from '../../../src/api/v1alpha1/secret-binding.ts';

function bindingWith(spec: object): object {
  return {
    podSelector: {},
    accessPoint: 'shop',
    sources: [{ name: 'db', secret: { name: 'shop/db' } }],
    env: [{ name: 'A', source: 'db' }],
    ...spec,
  };
}

const accepts = (spec: object): boolean => secretBindingType.specSchema.safeParse(bindingWith(spec)).success;

/** Text made of what paths are made of, so that a fair part of it is accepted. */
const pathLike = fc.array(fc.constantFrom('a', 'B', '9', '-', '_', '.', '..', '/', '~', '\\', '\0', '\n', ' '), {
  minLength: 1,
  maxLength: 8,
});

test('an accepted file path stays below the mount path', () => {
  let accepted = 0;
  fc.assert(
    fc.property(pathLike, (parts) => {
      const path = parts.join('');
      if (!accepts({ files: [{ path, source: 'db' }] })) return;
      accepted += 1;
      const full = posix.join('/var/run/secrets/kaap', path);
      expect(full).toBe(`/var/run/secrets/kaap/${path}`);
    }),
    { numRuns: 2_000 },
  );
  expect(accepted).toBeGreaterThan(50);
});

test('an accepted mount path is absolute, normal and not the root', () => {
  let accepted = 0;
  fc.assert(
    fc.property(pathLike, (parts) => {
      const mountPath = `/${parts.join('')}`;
      if (!accepts({ mountPath })) return;
      accepted += 1;
      expect(posix.resolve('/', mountPath)).toBe(mountPath);
      expect(mountPath).not.toBe('/');
    }),
    { numRuns: 2_000 },
  );
  expect(accepted).toBeGreaterThan(50);
});

test('an accepted variable name is one that sh can export', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 6 }), (name) => {
      if (accepts({ env: [{ name, source: 'db' }] })) expect(name).toMatch(/^[A-Za-z_]\w*$/);
    }),
  );
});

test('names of hidden files are fine, names that the kubelet hides its own files under are not', () => {
  expect(accepts({ files: [{ path: '.netrc', source: 'db' }] })).toBe(true);
  expect(accepts({ files: [{ path: '..data', source: 'db' }] })).toBe(false);
});
