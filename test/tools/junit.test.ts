// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { failedTests, tallyOf } from '../../tools/junit.ts';

const report = `<?xml version="1.0" encoding="UTF-8" ?>
<testsuites name="vitest tests" tests="4" failures="2" errors="0" time="1.2">
    <testsuite name="test/a.test.ts" timestamp="2026-01-01T00:00:00.000Z" hostname="h" tests="3" failures="2" errors="0" skipped="0" time="1">
        <testcase classname="test/a.test.ts" name="a pod &gt; has its secret" time="0.1">
            <failure message="expected &apos;x&apos; to be &apos;y&apos;" type="AssertionError">
AssertionError: expected &apos;x&apos; to be &lt;y&gt; &amp;c
 ❯ test/a.test.ts:7:3
            </failure>
        </testcase>
        <testcase classname="test/a.test.ts" name="a pod &gt; passes" time="0.1">
        </testcase>
        <testcase classname="test/a.test.ts" name="a pod &gt; ends early" time="0.1">
            <error message="no trace" type="Error"/>
        </testcase>
    </testsuite>
    <testsuite name="test/b.test.ts" timestamp="2026-01-01T00:00:00.000Z" hostname="h" tests="1" failures="0" errors="0" skipped="1" time="0.2">
        <testcase classname="test/b.test.ts" name="is skipped" time="0"/>
    </testsuite>
</testsuites>`;

describe('a JUnit report', () => {
  it('is counted over its suites, not over their sum', () => {
    expect(tallyOf(report)).toEqual({ passed: 1, failed: 2, skipped: 1 });
  });

  it('tells which tests failed, where they are and why, as plain text', () => {
    expect(failedTests(report)).toEqual([
      {
        file: 'test/a.test.ts',
        title: 'a pod > has its secret',
        message: "AssertionError: expected 'x' to be <y> &c\n ❯ test/a.test.ts:7:3",
      },
      { file: 'test/a.test.ts', title: 'a pod > ends early', message: 'no trace' },
    ]);
  });

  it('without failures names none', () => {
    expect(failedTests(report.replaceAll(/<(failure|error)[\s\S]*?(<\/failure>|\/>)/g, ''))).toEqual([]);
  });
});
