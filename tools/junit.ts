// SPDX-License-Identifier: Apache-2.0
/** Reads what the summary of a CI run needs of a JUnit report as Vitest writes it: counts, and which tests failed and why. */

export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

export interface FailedTest {
  /** File of the test, from the checkout's root. */
  file: string;
  /** Titles of its suites and its own, joined by ` > `. */
  title: string;
  /** The failure with its trace, as plain text. */
  message: string;
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

function plainText(xml: string): string {
  return xml.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex?: string, decimal?: string, name?: string) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return entities[name ?? ''] ?? whole;
  });
}

function attribute(tag: string, name: string): string {
  return plainText(new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? '');
}

/** Sum of the counts of all `<testsuite>` elements. */
export function tallyOf(xml: string): Tally {
  const total: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const [tag] of xml.matchAll(/<testsuite\s[^>]*>/g)) {
    const failed = Number(attribute(tag, 'failures')) + Number(attribute(tag, 'errors'));
    const skipped = Number(attribute(tag, 'skipped'));
    total.failed += failed;
    total.skipped += skipped;
    total.passed += Number(attribute(tag, 'tests')) - failed - skipped;
  }
  return total;
}

/** Every `<testcase>` with a `<failure>` or an `<error>`, in the report's order. */
export function failedTests(xml: string): FailedTest[] {
  const found: FailedTest[] = [];
  for (const [, tag = '', body = ''] of xml.matchAll(/<testcase(\s[^>]*[^/])>([\s\S]*?)<\/testcase>/g)) {
    const failure = /<(failure|error)(\s[^>]*?)?(?:\/>|>([\s\S]*?)<\/\1>)/.exec(body);
    if (failure === null) continue;
    const message = plainText(failure[3] ?? '').trim() || attribute(failure[2] ?? '', 'message');
    found.push({ file: attribute(tag, 'classname'), title: attribute(tag, 'name'), message });
  }
  return found;
}
