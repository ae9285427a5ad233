import * as fc from 'fast-check';
import { test } from 'vitest';
import { parserProperties } from '../support/parser-fuzz.ts';

/** Short here; test/soak/access.test.ts runs the same for minutes. */
test.each(await parserProperties())('whatever comes, $title', async ({ property }) => {
  await fc.assert(property as fc.IAsyncProperty<[string]>, { numRuns: 300 });
});
