import { expect, inject, test } from 'vitest';
import { runFaultScenario } from '../support/faults/scenario.ts';
import { seededRandom } from '../support/faults/seeded-random.ts';

const seed = Number(process.env['KAAP_FAULT_SEED'] ?? Date.now() % 2 ** 32);

test(
  `G3, G7: two operators miss nothing and do nothing twice, whatever the way to the API server does (seed ${seed})`,
  { timeout: 180_000 },
  async () => {
    const { injected, changes, reconciliations, listings, terms, settledAfterMs, ...wrong } = await runFaultScenario({
      kubeconfigPath: inject('kubeconfig'),
      faultMs: 45_000,
      settleMs: 60_000,
      watchTimeoutSeconds: 5,
      random: seededRandom(seed),
      say: () => undefined,
    });
    expect(wrong).toEqual({ missed: [], unreported: [], toldTwice: [], doubled: [], idleWrites: [], overlaps: [] });
    expect(Object.keys(injected).length).toBeGreaterThan(10);
    process.stdout.write(
      `${JSON.stringify({ changes, reconciliations, listings, terms, settledAfterMs, injected })}\n`,
    );
  },
);
