import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decide, decisionScene, referenceOf } from '../support/random-decisions.ts';
import { parserProperties } from '../support/parser-fuzz.ts';

/** Seconds for all parsers together, and how many random decisions are compared. */
const fuzzSeconds = Number(process.env['KAAP_SOAK_SECONDS'] ?? 600);
const decisions = Number(process.env['KAAP_SOAK_DECISIONS'] ?? 1_000_000);
const properties = await parserProperties();
const share = (fuzzSeconds * 1000) / properties.length;

test.each(properties)('whatever comes, for minutes: $title', { timeout: share + 60_000 }, async ({ property }) => {
  const report = await fc.check(property as fc.IAsyncProperty<[string]>, {
    numRuns: Number.MAX_SAFE_INTEGER,
    interruptAfterTimeLimit: share,
    markInterruptAsFailure: false,
  });
  expect(report.failed, fc.defaultReportMessage(report)).toBe(false);
  process.stdout.write(`${report.numRuns} inputs\n`);
});

test(`D3: ${decisions} random decisions are those of the plain model`, { timeout: 3_600_000 }, () => {
  fc.assert(
    fc.property(decisionScene, (given) => {
      expect(decide(given).basis).toBe(referenceOf(given));
    }),
    { numRuns: decisions },
  );
});
