import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../src/lib/errors.ts';
import { parseTimestamp } from '../../src/gateway/request-time.ts';

describe('parseTimestamp', () => {
  test('every time is read back, to the second and to the millisecond', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true }), (date) => {
        const text = date.toISOString();
        expect(parseTimestamp(text)).toBe(date.getTime());
        expect(parseTimestamp(text.replace(/\.\d+/, ''))).toBe(Math.floor(date.getTime() / 1000) * 1000);
      }),
    );
  });

  test.each([
    '',
    '2026-01-01',
    '2026-01-01T00:00:00',
    '2026-01-01T00:00:00+00:00',
    '2026-02-30T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T23:59:60Z',
    ' 2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00.1234567890Z',
  ])('D7: %j is refused', (text) => {
    expect(() => parseTimestamp(text)).toThrow(ApiError);
  });
});
