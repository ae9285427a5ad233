import { setTimeout as sleep } from 'node:timers/promises';
import type { CredentialUseTally } from '../gateway/credential-uses.ts';
import type { KmsDependencies } from '../kms/dependencies.ts';
import { forgetUnusableKeys } from '../kms/forget.ts';
import { keepKeys } from '../kms/key-upkeep.ts';
import type { OwnChanges } from '../kms/own-changes.ts';
import { Purge } from '../kms/purge.ts';
import { rotateDueSecrets } from '../kms/secret-rotation-round.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { StoreLease } from '../storage/store-lease.ts';

const roundMs = 60_000;

/** After that long without a round of its holder another process does the upkeep. */
export const upkeepLeaseMs: number = 2.5 * roundMs;

/** What upkeep works with. */
export interface UpkeepDependencies extends KmsDependencies {
  readonly ownChanges: OwnChanges;
  readonly credentialUses: CredentialUseTally;
  /** Why the service cannot work now; nothing is changed then. */
  readonly notReady: () => string | undefined;
}

/**
 * What KMS does by itself: removes keys and secrets whose deletion is due and rotates keys and secrets, which one process does for all, and drops cached
 * material of keys that may not be used any more. Each process stores what it counted of the readers of secrets and of the uses of credentials. Gives the stop, which waits for what is under way.
 */
export function startUpkeep(dependencies: UpkeepDependencies, lease: StoreLease, log: Logger): () => Promise<void> {
  const stopping = new AbortController();
  const stopForgetting = forgetUnusableKeys(dependencies, (error) =>
    log.error({ error: messageOf(error) }, 'a changed key could not be read'),
  );
  const working = workForEver(dependencies, lease, log, stopping.signal);
  return async () => {
    stopForgetting();
    stopping.abort();
    await working;
    await mergeReaders(dependencies, log);
    await storeUses(dependencies, log, { all: true });
  };
}

async function keepKeysOnce(dependencies: KmsDependencies, log: Logger): Promise<void> {
  const { rotated, expired } = await keepKeys(dependencies, (keyId, error) =>
    log.error({ keyId, error: messageOf(error) }, 'a key could not be rotated; trying again'),
  );
  if (rotated.length > 0) log.info({ keys: rotated }, 'rotated keys that were due');
  if (expired.length > 0) log.info({ keys: expired }, 'destroyed imported material that has ended');
}

async function mergeReaders({ consumers, clock }: KmsDependencies, log: Logger): Promise<void> {
  try {
    await consumers.begin(clock.now());
    await consumers.flush();
  } catch (error) {
    log.error({ error: messageOf(error) }, 'who read which secret could not be stored; trying again');
  }
}

async function storeUses({ credentialUses }: UpkeepDependencies, log: Logger, which = {}): Promise<void> {
  try {
    await credentialUses.flush(which);
  } catch (error) {
    log.error({ error: messageOf(error) }, 'when credentials were used could not be stored; trying again');
  }
}

async function workForEver(
  dependencies: UpkeepDependencies,
  lease: StoreLease,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  // Counts the time since it was made: another one for each time that this process takes the work over.
  let purge: Purge | undefined;
  await mergeReaders(dependencies, log);
  while (!signal.aborted) {
    await sleep(roundMs, undefined, { signal, ref: false }).catch(() => undefined);
    if (signal.aborted) return;
    await mergeReaders(dependencies, log);
    await storeUses(dependencies, log);
    try {
      if (!(await lease.hold())) {
        purge = undefined;
        continue;
      }
      purge ??= new Purge(dependencies);
      // What cannot be audited is not done.
      await dependencies.ownChanges.settle();
      if (dependencies.notReady() !== undefined) continue;
      const purged = await purge.round();
      if (Object.values(purged).some(({ length }) => length > 0)) log.info({ ...purged }, 'deleted what was due');
      await keepKeysOnce(dependencies, log);
      await rotate(dependencies, log, signal);
    } catch (error) {
      log.error({ error: messageOf(error) }, 'the upkeep of keys and secrets could not be finished; trying again');
    }
  }
}

async function rotate(dependencies: KmsDependencies, log: Logger, signal: AbortSignal): Promise<void> {
  const { rotated, failed } = await rotateDueSecrets(dependencies, signal);
  if (rotated.length > 0) log.info({ secrets: rotated }, 'rotated what was due');
  for (const failure of failed) log.error(failure, 'a secret could not be rotated; its value before stays current');
}
