import { setTimeout as sleep } from 'node:timers/promises';
import type { KmsDependencies } from '../kms/dependencies.ts';
import { instanceProviders } from '../kms/instance.ts';
import { instanceProblem } from '../kms/key-availability.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';

export interface InstanceWatchOptions {
  metrics: Metrics;
  log: Logger;
  /** Milliseconds between two looks; 5000 unless given. The first comes after that too: connections are made meanwhile. */
  everyMs?: number;
}

/**
 * Looks every five seconds whether the keys that are held elsewhere can be used, instance by instance: for the metric, and
 * for the log when that changes. Gives the stop.
 */
export function watchInstances(
  dependencies: Pick<KmsDependencies, 'store' | 'providers' | 'instances'>,
  { metrics, log, everyMs = 5000 }: InstanceWatchOptions,
): () => Promise<void> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const pause = { signal, ref: false };
  const watching = Promise.all(
    dependencies.instances
      .filter(({ type }) => type !== 'Software')
      .map(async ({ id, type }) => {
        let before: string | undefined;
        for (;;) {
          await sleep(everyMs, undefined, pause).catch(() => undefined);
          if (signal.aborted) return;
          const problem = await instanceProblem(dependencies, id, instanceProviders[type]).catch(messageOf);
          metrics.set('kaap_instance_connected', problem === undefined ? 1 : 0, { kms_instance: id });
          if (problem !== before) {
            if (problem === undefined) log.info({ kmsInstance: id }, 'the keys of the instance can be used again');
            else log.warn({ kmsInstance: id, problem }, 'no key of the instance can be used');
          }
          before = problem;
        }
      }),
  );
  return async () => {
    stopping.abort();
    await watching;
  };
}
