// SPDX-License-Identifier: Apache-2.0
/**
 * Adds up the JUnit reports and the steps of a CI run and prints `N passed, N failed`.
 *
 * A step without a report of its own (check, demo) counts as one test. A suite whose step ran but left no report, or
 * whose report holds no test, counts as one failure: nothing is green by being absent.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

/** Steps that must leave a JUnit report, and its file. */
const suites: Readonly<Record<string, string>> = {
  test: 'unit.xml',
  services: 'services.xml',
  interop: 'interop.xml',
  chart: 'chart.xml',
  cluster: 'cluster.xml',
  e2e: 'e2e.xml',
};

const expectedSteps = [
  'install',
  'binaries',
  'test',
  'services',
  'check',
  'demo',
  'interop',
  'chart',
  'cluster',
  'e2e',
];

function attribute(tag: string, name: string): number {
  return Number(new RegExp(`\\b${name}="(\\d+)"`).exec(tag)?.[1] ?? 0);
}

/** Counts of a JUnit file, from its `<testsuite>` elements. */
function tallyReport(path: string): Tally {
  const total: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const [tag] of readFileSync(path, 'utf8').matchAll(/<testsuite\s[^>]*>/g)) {
    const failed = attribute(tag, 'failures') + attribute(tag, 'errors');
    const skipped = attribute(tag, 'skipped');
    total.failed += failed;
    total.skipped += skipped;
    total.passed += attribute(tag, 'tests') - failed - skipped;
  }
  return total;
}

function tallyStep(directory: string, name: string, status: number | undefined): Tally {
  const report = suites[name];
  const path = report === undefined ? undefined : join(directory, report);
  if (path === undefined) return { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: 0 };
  const tally = existsSync(path) ? tallyReport(path) : { passed: 0, failed: 0, skipped: 0 };
  const silent = tally.passed + tally.failed === 0;
  if (silent || (status !== 0 && tally.failed === 0)) tally.failed += 1;
  return tally;
}

const directory = process.argv[2] ?? 'reports';
const lines = readFileSync(join(directory, 'steps.txt'), 'utf8').trim().split('\n');
const statuses = new Map(lines.map((line) => line.split(' ')).map(([name, status]) => [name, Number(status)]));
const total: Tally = { passed: 0, failed: 0, skipped: 0 };
for (const name of expectedSteps) {
  const tally = tallyStep(directory, name, statuses.get(name));
  total.passed += tally.passed;
  total.failed += tally.failed;
  total.skipped += tally.skipped;
  process.stdout.write(`${name}: ${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped\n`);
}
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
process.exitCode = total.failed === 0 ? 0 : 1;
