import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { watchInstances } from '../../src/cmd/instance-watch.ts';
import { blockTable } from '../../src/kms/records/block.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/lib/metrics.ts';
import type { KeyProvider } from '../../src/ports/key-provider.ts';
import { MemoryStore } from '../../src/storage/memory-store.ts';

const instances = [
  { id: 'kst-soft', type: 'Software' },
  { id: 'kst-hsm0', type: 'Hardware' },
  { id: 'kst-xki0', type: 'External' },
] as const;

/** A provider of which nothing is asked but how it is. */
const provider = (kind: 'pkcs11' | 'xki', problem: KeyProvider['problem']): KeyProvider =>
  ({ kind, problem }) as KeyProvider;

describe('The watch over instances whose keys are held elsewhere', () => {
  it('sets a gauge for each of them, also where one hangs, is out of reach or is blocked', async () => {
    const store = new MemoryStore();
    const metrics = createMetrics();
    const providers = {
      pkcs11: provider('pkcs11', () => new Promise(() => undefined)),
      xki: provider('xki', () => Promise.resolve(undefined)),
    };
    const stop = watchInstances({ store, providers, instances }, { metrics, log: silentLogger, everyMs: 20 });
    const gauges = async (): Promise<string[]> =>
      (await metrics.render()).split('\n').filter((line) => line.startsWith('kaap_instance_connected{'));
    await expect
      .poll(gauges, { timeout: 10_000 })
      .toEqual([
        'kaap_instance_connected{kms_instance="kst-xki0"} 1',
        'kaap_instance_connected{kms_instance="kst-hsm0"} 0',
      ]);
    const block = { reason: 'drill', by: 'acs:ram::1:root', time: 0 };
    await store.transact((transaction) => blockTable.put(transaction, 'kst-xki0', block));
    await expect.poll(gauges, { timeout: 10_000 }).toContain('kaap_instance_connected{kms_instance="kst-xki0"} 0');
    await stop();
    await store.transact((transaction) => blockTable.delete(transaction, 'kst-xki0'));
    await sleep(100);
    expect(await gauges()).toContain('kaap_instance_connected{kms_instance="kst-xki0"} 0');
  });
});
