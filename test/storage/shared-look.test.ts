import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SharedLook } from '../../src/storage/shared-look.ts';

describe('A shared look', () => {
  it('serves all who ask before it begins', async () => {
    let looks = 0;
    const look = new SharedLook(async () => {
      looks += 1;
      await Promise.resolve();
    });
    await Promise.all([look.join(), look.join(), look.join()]);
    expect(looks).toBe(1);
    await look.join();
    expect(looks).toBe(2);
  });

  it('never serves whoever comes while it is under way, whatever the times', async () => {
    const arrivals = fc.array(fc.record({ pause: fc.nat(6), lookTakes: fc.nat(6) }), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(arrivals, async (all) => {
        let now = 0;
        const tick = async (times: number): Promise<void> => {
          for (let time = 0; time < times; time += 1) await Promise.resolve();
        };
        const begun: number[] = [];
        let takes = 0;
        const look = new SharedLook(async () => {
          begun.push((now += 1));
          await tick(takes);
        });
        const asked = all.map(async ({ pause, lookTakes }) => {
          await tick(pause);
          takes = lookTakes;
          const arrived = (now += 1);
          await look.join();
          return begun.some((begin) => begin > arrived);
        });
        expect((await Promise.all(asked)).every(Boolean)).toBe(true);
      }),
    );
  });

  it('hands a failure to those who shared it, and looks again for the next', async () => {
    let fails = true;
    const look = new SharedLook(() => (fails ? Promise.reject(new Error('away')) : Promise.resolve()));
    const first = look.join();
    const shared = look.join();
    await expect(first).rejects.toThrow('away');
    await expect(shared).rejects.toThrow('away');
    fails = false;
    await expect(look.join()).resolves.toBeUndefined();
  });
});
