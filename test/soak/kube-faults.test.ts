import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureBinaries } from '../../tools/cluster/binaries.ts';
import { startControlPlane, type ControlPlane } from '../../tools/cluster/control-plane.ts';
import { runFaultScenario } from '../support/faults/scenario.ts';
import { seededRandom } from '../support/faults/seeded-random.ts';

const seed = Number(process.env['KAAP_FAULT_SEED'] ?? Date.now() % 2 ** 32);
const faultMs = Number(process.env['KAAP_SOAK_SECONDS'] ?? 3600) * 1000;

let controlPlane: ControlPlane;

beforeAll(async () => {
  ensureBinaries(['etcd', 'kube-apiserver', 'kubectl', 'kube-controller-manager']);
  controlPlane = await startControlPlane();
});

afterAll(() => controlPlane.stop());

test(
  `G3, G7: ${faultMs / 60_000} minutes of faults lose no event and double no write (seed ${seed})`,
  { timeout: faultMs + 300_000 },
  async () => {
    const { injected, changes, reconciliations, listings, terms, settledAfterMs, ...wrong } = await runFaultScenario({
      kubeconfigPath: controlPlane.kubeconfigPath,
      faultMs,
      settleMs: 120_000,
      watchTimeoutSeconds: 25,
      random: seededRandom(seed),
      say: (line) => process.stdout.write(`${line}\n`),
    });
    process.stdout.write(
      `${JSON.stringify({ changes, reconciliations, listings, terms, settledAfterMs, injected })}\n`,
    );
    expect(wrong).toEqual({ missed: [], unreported: [], toldTwice: [], doubled: [], idleWrites: [], overlaps: [] });
  },
);
