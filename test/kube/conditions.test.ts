import { describe, expect, test } from 'vitest';
import {
  findCondition,
  isConditionTrue,
  rfc3339Micros,
  rfc3339Seconds,
  setCondition,
  type Condition,
} from '../../src/kube/conditions.ts';
import { ManualClock } from '../../src/lib/clock.ts';

const ready: Condition = {
  type: 'Ready',
  status: 'True',
  reason: 'KeyEnabled',
  message: 'in use',
  observedGeneration: 1,
  lastTransitionTime: '2025-01-01T00:00:00Z',
};
const synced: Condition = { ...ready, type: 'Synced' };
const clock = new ManualClock(Date.UTC(2026, 0, 1, 12, 0, 0, 999));
const { lastTransitionTime: _time, ...same } = ready;

describe('setting a condition', () => {
  test.each([
    ['for the first time takes the present time', undefined, same, '2026-01-01T12:00:00Z'],
    [
      'with another status takes the present time',
      [ready],
      { ...same, status: 'False' as const },
      '2026-01-01T12:00:00Z',
    ],
    [
      'with another reason and message keeps the time',
      [ready],
      { ...same, reason: 'X', message: 'y' },
      '2025-01-01T00:00:00Z',
    ],
    ['for another generation keeps the time', [ready], { ...same, observedGeneration: 2 }, '2025-01-01T00:00:00Z'],
  ])('%s', (_title, before, next, expected) => {
    const after = setCondition(before, next, clock);
    expect(after).toEqual([{ ...next, lastTransitionTime: expected }]);
  });

  test('that has not changed gives an equal list', () => {
    expect(setCondition([synced, ready], same, clock)).toEqual([synced, ready]);
  });

  test('leaves the others, their order and the input alone', () => {
    const before = [ready, synced];
    const after = setCondition(before, { ...same, status: 'False' }, clock);
    expect(after.map(({ type, status }) => `${type}=${status}`)).toEqual(['Ready=False', 'Synced=True']);
    expect(before[0]).toBe(ready);
    expect(ready.status).toBe('True');
  });

  test('cuts a message that the API server would refuse', () => {
    expect(setCondition([], { ...same, message: 'x'.repeat(40_000) }, clock)[0]?.message).toHaveLength(32_768);
  });
});

test('a condition counts as true only for the generation it was found for', () => {
  expect(isConditionTrue([ready], 'Ready')).toBe(true);
  expect(isConditionTrue([ready], 'Ready', 1)).toBe(true);
  expect(isConditionTrue([ready], 'Ready', 2)).toBe(false);
  expect(isConditionTrue([{ ...ready, status: 'Unknown' }], 'Ready')).toBe(false);
  expect(findCondition(undefined, 'Ready')).toBeUndefined();
});

test('times are written as Kubernetes writes them', () => {
  expect(rfc3339Seconds(clock.now())).toBe('2026-01-01T12:00:00Z');
  expect(rfc3339Micros(clock.now())).toBe('2026-01-01T12:00:00.999000Z');
});
