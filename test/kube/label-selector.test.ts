import { expect, test } from 'vitest';
import { parseLabelSelector } from '../../src/kube/label-selector.ts';

const labels = { app: 'web', 'kaap.dev/inject': 'true' };

test.each([
  ['', true],
  ['app=web', true],
  ['app==web', true],
  ['app=db', false],
  ['app!=db', true],
  ['app!=web', false],
  ['tier!=front', true],
  ['app', true],
  ['tier', false],
  ['!tier', true],
  ['!app', false],
  ['app in (db, web)', true],
  ['app in (db)', false],
  ['app notin (db,cache)', true],
  ['app notin (web)', false],
  ['tier notin (front)', true],
  ['app in (db,web),kaap.dev/inject=true', true],
  ['app in (db,web),kaap.dev/inject=false', false],
  ['toString', false],
])('"%s" holds: %s', (selector, expected) => {
  expect(parseLabelSelector(selector)(labels)).toBe(expected);
});

test('an object without labels satisfies negations only', () => {
  expect(parseLabelSelector('a!=b,!c')(undefined)).toBe(true);
  expect(parseLabelSelector('a=b')(undefined)).toBe(false);
});

test.each(['a=b=c', 'a in b', '(a)', 'a b'])('"%s" is refused', (selector) => {
  expect(() => parseLabelSelector(selector)).toThrow('not a label selector');
});
