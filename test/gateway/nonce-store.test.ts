import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/lib/clock.ts';
import { MemoryNonceStore } from '../../src/gateway/nonce-store.ts';

const minute = 60_000;
const salt = Buffer.alloc(32, 7);

function store(clock: ManualClock, maxNonces?: number): MemoryNonceStore {
  return new MemoryNonceStore({ clock, salt, ...(maxNonces === undefined ? {} : { maxNonces }) });
}

describe('MemoryNonceStore', () => {
  test('C6: a nonce counts once per access key', () => {
    const nonces = store(new ManualClock());
    expect(nonces.claim('a', 'n')).toBe('fresh');
    expect(nonces.claim('a', 'n')).toBe('used');
    expect(nonces.claim('b', 'n')).toBe('fresh');
    expect(nonces.claim('a', 'm')).toBe('fresh');
  });

  test('an id and a nonce do not run into each other', () => {
    const nonces = store(new ManualClock());
    expect(nonces.claim('ab', 'c')).toBe('fresh');
    expect(nonces.claim('a', 'bc')).toBe('fresh');
  });

  test('C6: a nonce is remembered for 31 minutes, whatever was claimed meanwhile', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 10 * minute }), { minLength: 1, maxLength: 30 }), (steps) => {
        const clock = new ManualClock();
        const nonces = store(clock);
        const claimedAt = new Map<string, number>();
        steps.forEach((step, count) => {
          for (const [nonce, at] of claimedAt) {
            const age = clock.monotonic() - at;
            if (age <= 31 * minute) expect(nonces.claim('a', nonce)).toBe('used');
          }
          expect(nonces.claim('a', `n${count}`)).toBe('fresh');
          claimedAt.set(`n${count}`, clock.monotonic());
          clock.advance(step);
        });
      }),
    );
  });

  test('a nonce is forgotten after 36 minutes', () => {
    const clock = new ManualClock();
    const nonces = store(clock);
    nonces.claim('a', 'n');
    clock.advance(36 * minute);
    expect(nonces.claim('a', 'n')).toBe('fresh');
  });

  test('D7: a wall clock that is stepped forgets nothing', () => {
    const clock = new ManualClock();
    const nonces = store(clock);
    nonces.claim('a', 'n');
    clock.stepWallClockTo(clock.now() + 24 * 60 * minute);
    expect(nonces.claim('a', 'n')).toBe('used');
  });

  test('a full store refuses new nonces and still knows the old ones, until it forgets', () => {
    const clock = new ManualClock();
    const nonces = store(clock, 3);
    for (const nonce of ['1', '2', '3']) expect(nonces.claim('a', nonce)).toBe('fresh');
    expect(nonces.claim('a', '4')).toBe('full');
    expect(nonces.claim('a', '1')).toBe('used');
    clock.advance(36 * minute);
    expect(nonces.claim('a', '4')).toBe('fresh');
  });

  test('twenty thousand nonces are told apart', () => {
    const nonces = store(new ManualClock());
    for (let count = 0; count < 20_000; count++) expect(nonces.claim('a', String(count))).toBe('fresh');
    for (let count = 0; count < 20_000; count += 97) expect(nonces.claim('a', String(count))).toBe('used');
  });
});
