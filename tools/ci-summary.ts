// SPDX-License-Identifier: Apache-2.0
/**
 * Adds up the JUnit reports and the steps of a CI run and prints `N passed, N failed`.
 *
 * A step without a report of its own (check, demo) counts as one test. A suite whose step ran but left no report, or
 * whose report holds no test, counts as one failure: nothing is green by being absent. What failed is told again just
 * before the counts, so that the end of the output is enough to know why a run is red.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { failedTests, tallyOf, type Tally } from './junit.ts';

/** Steps that must leave a JUnit report, and its file. */
const suites: Readonly<Record<string, string>> = {
  test: 'unit.xml',
  agent: 'agent.xml',
  services: 'services.xml',
  interop: 'interop.xml',
  chart: 'chart.xml',
  cluster: 'cluster.xml',
  e2e: 'e2e.xml',
};

/** Steps without which a run is no proof. */
const expectedSteps = [
  'install',
  'binaries',
  'test',
  'agent',
  'services',
  'check',
  'demo',
  'interop',
  'chart',
  'cluster',
  'e2e',
];

function tallyStep(directory: string, name: string, status: number | undefined): Tally {
  const report = suites[name];
  const path = report === undefined ? undefined : join(directory, report);
  if (path === undefined) return { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: 0 };
  const tally = existsSync(path) ? tallyOf(readFileSync(path, 'utf8')) : { passed: 0, failed: 0, skipped: 0 };
  const silent = tally.passed + tally.failed === 0;
  if (silent || (status !== 0 && tally.failed === 0)) tally.failed += 1;
  return tally;
}

/** Why a step is red: its failed tests, or the end of its log where no report names one. */
function reasons(directory: string, name: string): string[] {
  const path = join(directory, suites[name] ?? 'no report');
  const failed = existsSync(path) ? failedTests(readFileSync(path, 'utf8')) : [];
  if (failed.length > 0) {
    return failed.map(({ file, title, message }) => `${file}: ${title}\n${message.slice(0, charactersPerReason)}`);
  }
  const log = join(directory, `${name}.log`);
  return [existsSync(log) ? readFileSync(log, 'utf8').trimEnd().slice(-charactersPerReason) : 'It left no log.'];
}

/** Enough for a message with its first frames; ten of them still fit into what a reader scrolls back. */
const charactersPerReason = 1500;
const reasonsPerStep = 10;

const directory = process.argv[2] ?? 'reports';
const lines = readFileSync(join(directory, 'steps.txt'), 'utf8').trim().split('\n');
const statuses = new Map(lines.map((line) => line.split(' ')).map(([name = '', status]) => [name, Number(status)]));
const total: Tally = { passed: 0, failed: 0, skipped: 0 };
const counts: string[] = [];
for (const name of new Set([...expectedSteps, ...statuses.keys()])) {
  const tally = tallyStep(directory, name, statuses.get(name));
  total.passed += tally.passed;
  total.failed += tally.failed;
  total.skipped += tally.skipped;
  counts.push(`${name}: ${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped\n`);
  if (tally.failed === 0) continue;
  for (const reason of reasons(directory, name).slice(0, reasonsPerStep)) {
    process.stdout.write(`--- failed in ${name}: ${reason}\n\n`);
  }
}
process.stdout.write(counts.join(''));
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
process.exitCode = total.failed === 0 ? 0 : 1;
