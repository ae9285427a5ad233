import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHsm, type HsmScene } from '../services/hsm-scene.ts';
import '../support/forced-gc.ts';
import { preload, runOperations, soaked, workersOf } from './hsm-operations.ts';

const operations = Number(process.env['KAAP_SOAK_OPERATIONS'] ?? 1_000_000);

let hsm: HsmScene;
beforeAll(async () => {
  hsm = await startHsm({ ...soaked, NODE_OPTIONS: preload('forced-gc.ts') });
});
afterAll(() => hsm.stop());

test(
  `F7: ${operations} operations under forced garbage collection, on both sides: no crash and no wrong byte`,
  { timeout: 24 * 3_600_000 },
  async () => {
    const workers = workersOf(hsm);
    await runOperations(hsm, operations);
    expect(workersOf(hsm)).toBe(workers);
    expect(hsm.log()).not.toContain('is started again');
  },
);
