import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { annotationTable, readWishes } from '../../webhook/annotations.ts';

describe('A1: a pod names bindings and nothing else', () => {
  test.each([
    'kaap.dev/endpoint',
    'kaap.dev/role',
    'kaap.dev/access-point',
    'kaap.dev/agent-image',
    'kaap.dev/command',
    'kaap.dev/service-account',
    'kaap.dev/ca',
    'kaap.dev/skip-verify',
    'kaap.dev/Inject',
    'kaap.dev/inject',
  ])('the annotation %s is refused', (name) => {
    expect(() => readWishes({ annotations: { [name]: 'x' } })).toThrow('which Kaap does not know');
  });

  test('any other name under kaap.dev/ is refused, as annotation and as label', () => {
    const known = new Set(annotationTable.map((row) => row.name));
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (rest) => {
        const name = `kaap.dev/${rest}`;
        fc.pre(!known.has(name));
        expect(() => readWishes({ annotations: { [name]: 'x' } })).toThrow('does not know');
        expect(() => readWishes({ labels: { [name]: 'x' } })).toThrow('does not know');
      }),
    );
  });

  test('names of others do not concern it', () => {
    expect(readWishes({ annotations: { 'example.com/kaap.dev/x': '1' }, labels: { app: 'x' } })).toEqual({
      inject: false,
    });
  });
});

function read(value: string): unknown {
  return readWishes({ annotations: { 'kaap.dev/bindings': value } }).bindings;
}

describe('the annotation kaap.dev/bindings', () => {
  test('lists names, with or without spaces', () => {
    expect(read('a, b.c ,d-1')).toEqual(['a', 'b.c', 'd-1']);
  });

  test.each(['', ',', 'a,', '../x', 'other/db', 'A', 'a b', 'a\nb', 'ä', 'a\u0000'])('refuses %j', (value) => {
    expect(() => read(value)).toThrow('must list names of SecretBindings');
  });

  test('refuses a name given twice, and more than 32', () => {
    expect(() => read('a,a')).toThrow('twice');
    expect(() => read(Array.from({ length: 33 }, (_, index) => `b${index}`).join(','))).toThrow('at most 32');
  });
});

test('the label kaap.dev/inject is true or false and nothing else', () => {
  expect(readWishes({ labels: { 'kaap.dev/inject': 'true' } }).inject).toBe(true);
  expect(readWishes({ labels: { 'kaap.dev/inject': 'false' } }).inject).toBe(false);
  expect(() => readWishes({ labels: { 'kaap.dev/inject': 'yes' } })).toThrow('"true" or "false"');
});
