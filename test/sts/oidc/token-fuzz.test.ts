import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { tokenProperty } from '../../support/token-fuzz.ts';

test('C2: among tokens of every make some are good and accepted, and no other', async () => {
  const accepted = { count: 0 };
  await fc.assert(tokenProperty(accepted), { numRuns: 1500 });
  expect(accepted.count).toBeGreaterThan(10);
});
