import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WorkQueue, type WorkQueueOptions } from '../../src/kube/queue.ts';
import { ManualClock } from '../../src/lib/clock.ts';

const backoff = { baseMs: 1000, maxMs: 8000, jitter: 0 };

function setup(options: Partial<WorkQueueOptions> = {}): { queue: WorkQueue; clock: ManualClock } {
  const clock = new ManualClock();
  return {
    clock,
    queue: new WorkQueue({ clock, random: () => 0.5, backoff, ratePerSecond: 1000, burst: 1000, ...options }),
  };
}

describe('a key', () => {
  test('that is added twice is given out once', () => {
    const { queue } = setup();
    queue.add('a');
    queue.add('a');
    expect([queue.take()?.key, queue.take()]).toEqual(['a', undefined]);
  });

  test('is due at the earlier of two times', () => {
    const { queue, clock } = setup();
    queue.add('a', 5000);
    queue.add('a', 1000);
    queue.add('a', 9000);
    clock.advance(999);
    expect([queue.take(), queue.nextInMs()]).toEqual([undefined, 1]);
    clock.advance(1);
    expect(queue.take()?.key).toBe('a');
    queue.succeed('a');
    expect(queue.nextInMs()).toBeUndefined();
  });

  test('in work is parked and given out once after', () => {
    const { queue } = setup();
    queue.add('a');
    queue.take();
    queue.add('a');
    queue.add('a');
    expect([queue.take(), queue.waiting]).toEqual([undefined, 0]);
    queue.succeed('a');
    expect(queue.take()?.key).toBe('a');
    queue.succeed('a');
    expect(queue.take()).toBeUndefined();
  });

  test('that fails waits longer each time, up to the limit, and starts anew after a success', () => {
    const { queue, clock } = setup();
    const delays: number[] = [];
    queue.add('a');
    for (let failure = 0; failure < 5; failure += 1) {
      expect(queue.take()?.key).toBe('a');
      delays.push(queue.fail('a'));
      clock.advance(delays.at(-1) ?? 0);
    }
    expect(delays).toEqual([1000, 2000, 4000, 8000, 8000]);
    queue.take();
    queue.succeed('a', 0);
    queue.take();
    expect(queue.fail('a')).toBe(1000);
  });

  test('that changes while it waits after a failure is given out at once', () => {
    const { queue } = setup();
    queue.add('a');
    queue.take();
    queue.fail('a');
    queue.add('a');
    expect(queue.take()?.key).toBe('a');
  });

  test('says how long it was due', () => {
    const { queue, clock } = setup();
    queue.add('a', 100);
    clock.advance(350);
    expect(queue.take()).toEqual({ key: 'a', waitedMs: 250 });
  });

  test('that is not in work cannot end', () => {
    expect(() => setup().queue.succeed('a')).toThrow('a is not in work');
  });
});

test('keys that are due at the same time come in the order of their arrival', () => {
  const { queue } = setup();
  for (const key of ['c', 'a', 'b']) queue.add(key);
  expect([queue.take()?.key, queue.take()?.key, queue.take()?.key]).toEqual(['c', 'a', 'b']);
});

test('the rate holds keys back and says for how long', () => {
  const { queue, clock } = setup({ ratePerSecond: 10, burst: 2 });
  for (const key of ['a', 'b', 'c']) queue.add(key);
  expect([queue.take()?.key, queue.take()?.key, queue.take()]).toEqual(['a', 'b', undefined]);
  expect(queue.nextInMs()).toBeCloseTo(100);
  clock.advance(100);
  expect(queue.take()?.key).toBe('c');
});

test('a key that is moved earlier over and over does not make the queue grow', () => {
  const { queue, clock } = setup();
  for (let at = 100_000; at > 0; at -= 1) queue.add('a', at);
  expect(queue.waiting).toBe(1);
  clock.advance(1);
  expect(queue.take()?.key).toBe('a');
});

/** The queue's contract in the plainest words: sets, and a scan for the earliest. */
class Model {
  readonly waiting = new Map<string, number>();
  readonly running = new Map<string, number | undefined>();
  readonly failures = new Map<string, number>();

  add(key: string, atMs: number): void {
    const holder = this.running.has(key) ? this.running : this.waiting;
    holder.set(key, Math.min(atMs, holder.get(key) ?? Infinity));
  }

  earliest(): number | undefined {
    return this.waiting.size === 0 ? undefined : Math.min(...this.waiting.values());
  }

  end(key: string, againAtMs: number | undefined): void {
    const parked = this.running.get(key);
    this.running.delete(key);
    if (parked !== undefined) this.add(key, parked);
    if (againAtMs !== undefined) this.add(key, againAtMs);
  }
}

const key = fc.constantFrom('a', 'b', 'c', 'd');
const step = fc.oneof(
  fc.record({ do: fc.constant('add' as const), key, ms: fc.integer({ min: 0, max: 50 }) }),
  fc.record({ do: fc.constant('take' as const), key, ms: fc.constant(0) }),
  fc.record({ do: fc.constant('succeed' as const), key, ms: fc.integer({ min: -1, max: 50 }) }),
  fc.record({ do: fc.constant('fail' as const), key, ms: fc.constant(0) }),
  fc.record({ do: fc.constant('advance' as const), key, ms: fc.integer({ min: 1, max: 40 }) }),
);

test('any sequence of calls agrees with the model', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const clock = new ManualClock();
      const short = { baseMs: 10, maxMs: 40, jitter: 0 };
      const queue = new WorkQueue({ clock, random: () => 0.5, backoff: short, ratePerSecond: 1e6, burst: 1e6 });
      const model = new Model();
      for (const { do: action, key: name, ms } of steps) {
        const nowMs = clock.monotonic();
        if (action === 'advance') clock.advance(ms);
        else if (action === 'add') {
          queue.add(name, ms);
          model.add(name, nowMs + ms);
        } else if (action === 'take') takeBoth(queue, model, nowMs);
        else if (model.running.has(name)) endBoth(queue, model, { fail: action === 'fail', name, ms, nowMs });
        expect([queue.waiting, queue.running]).toEqual([model.waiting.size, model.running.size]);
        const earliest = model.earliest();
        expect(queue.nextInMs()).toBe(earliest === undefined ? undefined : Math.max(0, earliest - clock.monotonic()));
      }
    }),
  );
});

function takeBoth(queue: WorkQueue, model: Model, nowMs: number): void {
  const item = queue.take();
  const earliest = model.earliest();
  if (earliest === undefined || earliest > nowMs) return expect(item).toBeUndefined();
  expect(item?.waitedMs).toBe(nowMs - earliest);
  expect(model.waiting.get(item?.key ?? '')).toBe(earliest);
  model.waiting.delete(item?.key ?? '');
  model.running.set(item?.key ?? '', undefined);
}

function endBoth(
  queue: WorkQueue,
  model: Model,
  end: { fail: boolean; name: string; ms: number; nowMs: number },
): void {
  const { fail, name, ms, nowMs } = end;
  if (fail) {
    const failures = (model.failures.get(name) ?? 0) + 1;
    model.failures.set(name, failures);
    const delayMs = Math.min(40, 10 * 2 ** (failures - 1));
    expect(queue.fail(name)).toBe(delayMs);
    return model.end(name, nowMs + delayMs);
  }
  model.failures.delete(name);
  queue.succeed(name, ms < 0 ? undefined : ms);
  model.end(name, ms < 0 ? undefined : nowMs + ms);
}

test('in any time span the rate is kept', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 100 }), (pauses) => {
      const { queue, clock } = setup({ ratePerSecond: 10, burst: 3 });
      const takenAtMs: number[] = [];
      for (let index = 0; index < 400; index += 1) queue.add(`key-${index}`);
      for (const pause of pauses) {
        while (queue.take() !== undefined) takenAtMs.push(clock.monotonic());
        clock.advance(pause);
      }
      for (const from of takenAtMs) {
        for (const to of takenAtMs.filter((at) => at >= from)) {
          const inSpan = takenAtMs.filter((at) => at >= from && at <= to).length;
          expect(inSpan).toBeLessThanOrEqual(3 + ((to - from) * 10) / 1000 + 1e-9);
        }
      }
    }),
    { numRuns: 25 },
  );
});
