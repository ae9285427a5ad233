import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/lib/clock.ts';
import { MemoryStore } from '../../src/storage/memory-store.ts';
import { StoreLease } from '../../src/storage/store-lease.ts';

let store: MemoryStore;
let clock: ManualClock;
beforeEach(() => {
  store = new MemoryStore();
  clock = new ManualClock();
});

const lease = (holder: string): StoreLease =>
  new StoreLease({ store, name: 'upkeep', holder, clock, durationMs: 1000 });

describe('A lease in the store', () => {
  it('is had by one of many that ask at once', async () => {
    const asked = await Promise.all(['a', 'b', 'c'].map((holder) => lease(holder).hold()));
    expect(asked.filter(Boolean)).toHaveLength(1);
  });

  it('stays with a holder that renews it, however long others wait', async () => {
    const [one, other] = [lease('a'), lease('b')];
    for (let round = 0; round < 10; round += 1) {
      expect(await one.hold()).toBe(true);
      expect(await other.hold()).toBe(false);
      clock.advance(900);
    }
  });

  it('goes to another when its holder has stopped for its duration, and the first learns of it', async () => {
    const [one, other] = [lease('a'), lease('b')];
    await one.hold();
    clock.advance(5000);
    expect(await other.hold()).toBe(false);
    clock.advance(999);
    expect(await other.hold()).toBe(false);
    clock.advance(1);
    expect(await other.hold()).toBe(true);
    expect(await one.hold()).toBe(false);
  });

  it('is taken up at once by a holder that comes back under its name', async () => {
    await lease('a').hold();
    expect(await lease('a').hold()).toBe(true);
  });

  it('is not taken over because a wall clock was stepped', async () => {
    const [one, other] = [lease('a'), lease('b')];
    await one.hold();
    await other.hold();
    clock.stepWallClockTo(clock.now() + 1e9);
    expect(await other.hold()).toBe(false);
  });
});
