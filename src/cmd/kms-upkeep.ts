import { setTimeout as sleep } from 'node:timers/promises';
import type { KmsDependencies } from '../kms/dependencies.ts';
import { forgetUnusableKeys } from '../kms/forget.ts';
import { Purge } from '../kms/purge.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';

const roundMs = 60_000;

/**
 * What KMS does by itself: removes keys and secrets whose deletion is due, and drops cached material of keys that may not be
 * used any more. Gives the stop, which waits for what is under way.
 */
export function startUpkeep(dependencies: KmsDependencies, log: Logger): () => Promise<void> {
  const stopping = new AbortController();
  const stopForgetting = forgetUnusableKeys(dependencies, (error) =>
    log.error({ error: messageOf(error) }, 'a changed key could not be read'),
  );
  const purging = purgeForEver(new Purge(dependencies), log, stopping.signal);
  return async () => {
    stopForgetting();
    stopping.abort();
    await purging;
  };
}

async function purgeForEver(purge: Purge, log: Logger, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(roundMs, undefined, { signal, ref: false }).catch(() => undefined);
    if (signal.aborted) return;
    try {
      const { keys, secrets } = await purge.round();
      if (keys.length + secrets.length > 0) log.info({ keys, secrets }, 'deleted what was due');
    } catch (error) {
      log.error({ error: messageOf(error) }, 'planned deletions could not be carried out; trying again');
    }
  }
}
