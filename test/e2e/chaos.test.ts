import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ClusterAccess } from '../../tools/cluster/access.ts';
import { canary } from './canaries.ts';
import { chaosFaults, type Fault } from './chaos-faults.ts';
import { cluster, eventually, kaap, systemNamespace } from './installation.ts';
import { PodStream, type StreamReport } from './pod-stream.ts';
import { tenantObjects } from './tenant.ts';

const namespace = 'e2e-chaos';
const value = JSON.stringify({ user: 'app', password: canary() });
/** Under two minutes, so that each fault strikes once; as long as KAAP_CHAOS_SECONDS says. */
const chaosMs = Number(process.env['KAAP_CHAOS_SECONDS'] ?? 100) * 1000;
/** In a long run the installation has time to heal between two faults; in a short one they come upon each other. */
const pauseMs = Math.min(15_000, chaosMs / 20);
/** Within this time after the last fault everything is Ready. */
const healedMs = 60_000;

/** Strikes in turn until the time is over and each fault has struck. Gives the names. */
async function strikeAll(faults: readonly Fault[], isOver: () => boolean): Promise<string[]> {
  const struck: string[] = [];
  while (!isOver() || struck.length < faults.length) {
    const fault = faults[struck.length % faults.length];
    if (fault === undefined) break;
    process.stdout.write(`${new Date().toISOString()} ${fault.name}\n`);
    await fault.strike();
    struck.push(fault.name);
    await sleep(pauseMs);
  }
  return struck;
}

/** Whether every workload of the installation is complete and the binding is Ready. */
async function isHealed(access: ClusterAccess): Promise<boolean> {
  const workloads = ['deployment/kaap-operator', 'deployment/kaap-webhook', 'statefulset/kaap-kms'];
  const rollouts = workloads.map((workload) => ['rollout', 'status', workload, '-n', systemNamespace, '--timeout=1s']);
  const binding = ['wait', '--for=condition=Ready', 'sbind/db', '-n', namespace, '--timeout=1s'];
  const answers = await Promise.allSettled([...rollouts, binding].map((args) => access.kubectl(args)));
  return answers.every(({ status }) => status === 'fulfilled');
}

describe('A4, A5, A12, C4: while the parts of the installation and its node fail one after another', () => {
  let report: StreamReport;
  let faults: readonly Fault[];
  let struck: string[];
  let stream: PodStream;
  let healedAfterMs = Number.POSITIVE_INFINITY;

  beforeAll(async () => {
    const access = cluster();
    faults = chaosFaults(access);
    await access.apply(tenantObjects({ namespace, method: 'role' }));
    await kaap(['secret', 'put', `${namespace}/db`], value);
    await access.kubectl(['wait', '--for=condition=Ready', 'sbind/db', '-n', namespace, '--timeout=60s']);
    stream = new PodStream(access, namespace, { file: value, user: 'app' });
    ({ report } = stream);
    const endMs = Date.now() + chaosMs;
    let striking = true;
    const strikes = strikeAll(faults, () => Date.now() > endMs).finally(() => (striking = false));
    await Promise.all([stream.create(() => !striking), stream.inspect(() => !striking), strikes]);
    struck = await strikes;
    const lastFaultMs = Date.now() - pauseMs;
    await eventually(
      async () => ((await isHealed(access)) ? true : undefined),
      () => access.kubectl(['get', 'pods', '-A', '-o', 'wide']),
      healedMs - pauseMs,
    );
    healedAfterMs = Date.now() - lastFaultMs;
  }, chaosMs + 300_000);

  it('every fault has struck, and pods were created all the time', () => {
    expect(new Set(struck)).toEqual(new Set(faults.map(({ name }) => name)));
    expect(report.created).toBeGreaterThan(0);
    expect(report.created + report.refusals.length).toBeGreaterThan(faults.length);
  });

  it('everything is Ready within a minute after the last fault', () => {
    expect(healedAfterMs).toBeLessThanOrEqual(healedMs);
  });

  it('A4: no unrelated pod was held up, and every bound pod that was created has run', async () => {
    expect(report.heldUp).toEqual([]);
    await eventually(
      // A kubelet that has just come back does not know all logs yet.
      async () => ((await stream.inspectOnce().catch(() => undefined))?.length === 0 ? true : undefined),
      async () => JSON.stringify(await stream.inspectOnce()),
    );
  });

  it('A4, A5: every bound pod that ran had its exact secrets, and none ran without', () => {
    expect(report.wrong).toEqual([]);
    expect(report.right).toBe(report.created);
  });

  it('a bound pod that was not created was refused with a reason that names what to look at', () => {
    const { created, right, unreachable, refusals, heldUp } = report;
    const counted = { created, right, unreachable, refused: refusals.length, heldUp: heldUp.length };
    process.stdout.write(`${JSON.stringify({ struck: struck.length, healedAfterMs, ...counted })}\n`);
    for (const refusal of report.refusals) expect(refusal).toMatch(/kaap|webhook/i);
  });
});
