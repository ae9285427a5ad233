import { describe, expect, test } from 'vitest';
import {
  apiVersionOf,
  collectionPath,
  keyOf,
  objectPath,
  ownerReferenceTo,
  refOf,
  resourceName,
} from '../../src/kube/resource.ts';
import { widget, widgetResource } from '../support/widget.ts';

const secret = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true };
const node = { group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false };

describe('paths', () => {
  test.each([
    [
      'the core group lives under /api',
      objectPath(secret, { namespace: 'a', name: 'b' }),
      '/api/v1/namespaces/a/secrets/b',
    ],
    [
      'other groups live under /apis',
      collectionPath(widgetResource, 'a'),
      '/apis/test.kaap.dev/v1/namespaces/a/widgets',
    ],
    ['no namespace means all namespaces', collectionPath(secret), '/api/v1/secrets'],
    ['cluster-scoped kinds ignore a namespace', objectPath(node, { namespace: 'a', name: 'b' }), '/api/v1/nodes/b'],
    [
      'a subresource follows the name',
      objectPath(widgetResource, { namespace: 'a', name: 'b' }, 'status'),
      '/apis/test.kaap.dev/v1/namespaces/a/widgets/b/status',
    ],
    [
      'names cannot leave their segment',
      objectPath(secret, { namespace: 'a/../b', name: '../c?d' }),
      '/api/v1/namespaces/a%2F..%2Fb/secrets/..%2Fc%3Fd',
    ],
  ])('%s', (_title, path, expected) => expect(path).toBe(expected));

  test('an object of a namespaced kind needs a namespace', () => {
    expect(() => objectPath(secret, { name: 'b' })).toThrow('secrets b needs a namespace');
  });

  test('an empty name does not address the collection', () => {
    expect(() => objectPath(secret, { namespace: 'a', name: '' })).toThrow('an empty name');
  });
});

test('keys and references convert into each other', () => {
  expect(keyOf(widget('w'))).toBe('default/w');
  expect(refOf('default/w')).toEqual({ namespace: 'default', name: 'w' });
  expect(refOf(keyOf({ name: 'n' }))).toEqual({ name: 'n' });
});

test('kinds are named as kubectl names them', () => {
  expect([resourceName(secret), resourceName(widgetResource)]).toEqual(['secrets', 'widgets.test.kaap.dev']);
  expect([apiVersionOf(secret), apiVersionOf(widgetResource)]).toEqual(['v1', 'test.kaap.dev/v1']);
});

test('an object that was never stored cannot own anything', () => {
  const { uid: _uid, ...metadata } = widget('w').metadata;
  expect(() => ownerReferenceTo({ ...widget('w'), metadata })).toThrow('has no uid');
});
