import { expect, test } from 'vitest';
import { findCondition, isReady, type Condition } from '../../src/api/condition.ts';

const ready = (status: Condition['status'], observedGeneration?: number): Condition => ({
  type: 'Ready',
  status,
  reason: 'Ready',
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
  ...(observedGeneration !== undefined && { observedGeneration }),
});

test.each([
  ['there is no status', 2, undefined, false],
  ['Ready is True for this generation', 2, [ready('True', 2)], true],
  ['Ready is True for an older generation', 2, [ready('True', 1)], false],
  ['Ready is False', 2, [ready('False', 2)], false],
  ['Ready is Unknown', 2, [ready('Unknown', 2)], false],
  ['Ready is True and says no generation', 2, [ready('True')], true],
])('when %s, an object of generation %i is ready: %s', (_title, generation, conditions, expected) => {
  const status = conditions ? { conditions } : undefined;
  expect(isReady({ metadata: { generation }, ...(status && { status }) })).toBe(expected);
});

test('a condition is found by its type', () => {
  const synced = { ...ready('True'), type: 'Synced' };
  expect(findCondition({ conditions: [ready('False'), synced] }, 'Synced')).toBe(synced);
  expect(findCondition({ conditions: [synced] }, 'Ready')).toBeUndefined();
});
