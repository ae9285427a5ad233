import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SessionPool } from '../../src/hsm/session-pool.ts';

describe('SessionPool', () => {
  it('F1: never has two calls on one session, and none is left waiting', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.record({ turns: fc.nat(5), fails: fc.boolean() }), { maxLength: 30 }),
        async (sessions, calls) => {
          const pool = new SessionPool(Array.from({ length: sessions }, (_, index) => index));
          const busy = new Set<number>();
          const results = await Promise.allSettled(
            calls.map(({ turns, fails }) =>
              pool.use(async (session) => {
                expect(busy.has(session)).toBe(false);
                busy.add(session);
                for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
                busy.delete(session);
                if (fails) throw new Error('on purpose');
              }),
            ),
          );
          expect(results.map(({ status }) => status === 'rejected')).toEqual(calls.map(({ fails }) => fails));
        },
      ),
    );
  });
});
