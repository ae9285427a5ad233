import { describe, expect, it } from 'vitest';
import { matchesSelector, selectorText } from '../../src/api/label-selector.ts';
import type { PodSelector } from '../../src/api/v1alpha1/pod-selector.ts';

const labels = { app: 'shop', tier: 'web' };

const cases: readonly { title: string; selector: PodSelector; matches: boolean }[] = [
  { title: 'an empty selector takes everything', selector: {}, matches: true },
  { title: 'equal labels match', selector: { matchLabels: { app: 'shop', tier: 'web' } }, matches: true },
  {
    title: 'one other label is enough not to match',
    selector: { matchLabels: { app: 'shop', tier: 'db' } },
    matches: false,
  },
  {
    title: 'In takes one of its values',
    selector: { matchExpressions: [{ key: 'tier', operator: 'In', values: ['db', 'web'] }] },
    matches: true,
  },
  {
    title: 'In does not take an absent label',
    selector: { matchExpressions: [{ key: 'x', operator: 'In', values: ['y'] }] },
    matches: false,
  },
  {
    title: 'NotIn takes an absent label',
    selector: { matchExpressions: [{ key: 'x', operator: 'NotIn', values: ['y'] }] },
    matches: true,
  },
  {
    title: 'Exists wants the label',
    selector: { matchExpressions: [{ key: 'x', operator: 'Exists' }] },
    matches: false,
  },
  {
    title: 'DoesNotExist wants it absent',
    selector: { matchExpressions: [{ key: 'x', operator: 'DoesNotExist' }] },
    matches: true,
  },
  {
    title: 'an operator of Object is met by nothing',
    selector: { matchExpressions: [{ key: 'app', operator: 'constructor' as 'In' }] },
    matches: false,
  },
  {
    title: 'a label of Object is absent',
    selector: { matchExpressions: [{ key: 'toString', operator: 'Exists' }] },
    matches: false,
  },
];

describe('A label selector', () => {
  it.each(cases)('$title', ({ selector, matches }) => {
    expect(matchesSelector(selector, labels)).toBe(matches);
  });

  it('reads as people write it', () => {
    expect(selectorText({})).toBe('everything');
    const selector: PodSelector = {
      matchLabels: { app: 'shop' },
      matchExpressions: [
        { key: 'tier', operator: 'NotIn', values: ['db', 'cache'] },
        { key: 'canary', operator: 'DoesNotExist' },
      ],
    };
    expect(selectorText(selector)).toBe('app=shop, tier notin (db, cache), canary does not exist');
  });
});
