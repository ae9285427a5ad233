import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import { messageOf } from '../../src/lib/errors.ts';
import { Refusal } from '../refusal.ts';
import type { AgentConfig } from './agent-config.ts';
import { deliver, type Delivered } from './deliver.ts';
import { fetchBinding } from './fetch.ts';
import { LastKnownGood } from './last-known-good.ts';
import { refreshBindings, RestartNeeded, type LiveBinding } from './refresh.ts';
import { renderBinding } from './render.ts';
import type { AgentLog, ReaderFactory } from './source-value.ts';

export interface AgentOptions {
  signal: AbortSignal;
  log: AgentLog;
  readers: ReaderFactory;
  /** Called once everything is in place. */
  onReady?: () => void;
  /** What to do when nothing is left to refresh; waits for the signal unless given. */
  hold?: (signal: AbortSignal) => Promise<void>;
  clock?: Clock;
  random?: () => number;
  /** Seconds since the node booted. */
  uptimeSeconds?: () => number;
  /** How long a refusal is asked again before it is believed, in milliseconds; 5000 unless given. */
  patienceMs?: number;
}

const firstWaitMs = 250;
const longestWaitMs = 5000;

/**
 * Gets every secret of the configuration, puts all of them in place, and keeps them fresh where a binding asks for it.
 *
 * Resolves when the signal fires. Rejects with a {@link Refusal} when the KMS says no: after a little patience, since a
 * policy that was applied together with the pod may take a moment. While the KMS gives no answer it keeps asking: the
 * pod waits, and starts by itself once the KMS is back; or runs on with what it had, where its bindings allow that.
 *
 * Rejects with {@link RestartNeeded} when all containers of the pod are to start again.
 */
export async function runAgent(config: AgentConfig, options: AgentOptions): Promise<void> {
  const { signal, log, random = Math.random, clock = systemClock } = options;
  const lastKnownGood = new LastKnownGood(config, options.uptimeSeconds);
  const live = config.bindings.map((binding) => ({ binding, reader: options.readers(binding) }));
  try {
    const wasDelivered = (await lastKnownGood.age()) !== undefined;
    if (!(await lastKnownGood.isUsable())) await rm(config.readyFile, { force: true });
    const first = await untilDelivered(config, live, lastKnownGood, { ...options, random });
    if (first === undefined) return;
    const { live: delivered, changed } = first;
    await lastKnownGood.confirm(config.bindings.map(({ name }) => name));
    log.info({ bindings: delivered.map(({ binding }) => binding.name) }, 'secrets are in place');
    options.onReady?.();
    // Containers that run on with what an earlier agent put in place do not have these.
    const stale = changed.env.length > 0 ? delivered.find(({ binding }) => binding.restartOnChange) : undefined;
    if (wasDelivered && stale !== undefined) throw new RestartNeeded(stale.binding.name);
    if (config.once === true) return;
    if (delivered.some(({ binding }) => binding.refreshSeconds !== undefined)) {
      return await refreshBindings(config, delivered, { signal, log, random, clock, lastKnownGood });
    }
    for (const { rendered } of delivered) wipe(rendered);
    await options.hold?.(signal);
  } finally {
    for (const { reader } of live) reader.close();
  }
}

type Unfetched = Omit<LiveBinding, 'rendered'>;

interface FirstDelivery {
  live: LiveBinding[];
  changed: Delivered;
}

/**
 * Lets the pod run on with what it had while the KMS is away, as long as the bindings allow; takes it away when it is too
 * old. Gives whether it does so now.
 */
async function bridge(lastKnownGood: LastKnownGood, bridging: boolean, options: AgentOptions): Promise<boolean> {
  const isUsable = await lastKnownGood.isUsable();
  if (isUsable && !bridging) {
    const ageSeconds = Math.round((await lastKnownGood.age()) ?? 0);
    options.log.warn({ ageSeconds }, 'the KMS is away; this pod runs on with the last values it had');
    options.onReady?.();
  }
  if (!isUsable && bridging) {
    options.log.warn({}, 'the last values are older than spec.outage.maxAgeSeconds allows, and are taken away');
    await lastKnownGood.withdraw();
  }
  return isUsable;
}

async function untilDelivered(
  config: AgentConfig,
  live: readonly Unfetched[],
  lastKnownGood: LastKnownGood,
  options: AgentOptions & { random: () => number },
): Promise<FirstDelivery | undefined> {
  const { signal, log, random, clock = systemClock, patienceMs = 5000 } = options;
  let refusedSince: number | undefined;
  let bridging = false;
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      return await deliverAll(config, live, signal);
    } catch (error) {
      if (signal.aborted) return undefined;
      if (error instanceof Refusal) {
        refusedSince ??= clock.monotonic();
        if (clock.monotonic() - refusedSince >= patienceMs) {
          await lastKnownGood.withdraw();
          throw error;
        }
      } else {
        refusedSince = undefined;
        bridging = await bridge(lastKnownGood, bridging, options);
      }
      log.warn({ reason: messageOf(error), attempt }, 'secrets are not in place yet; trying again');
    }
    const ceilingMs = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(attempt, 10));
    await sleep(ceilingMs * (0.5 + 0.5 * random()), undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}

/** All bindings or none: nothing is written before everything has been fetched and rendered. */
async function deliverAll(
  config: AgentConfig,
  live: readonly Unfetched[],
  signal: AbortSignal,
): Promise<FirstDelivery> {
  const results = await Promise.allSettled(
    live.map(async (entry) => ({
      ...entry,
      rendered: renderBinding(entry.binding, await fetchBinding(entry.binding, entry.reader, signal)),
    })),
  );
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  const refusals = failures.filter((failure) => failure instanceof Refusal);
  if (refusals.length > 0) throw new Refusal(refusals.map(({ message }) => message).join('\n'));
  if (failures.length > 0) throw failures[0];
  const complete = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const rendered = complete.map((entry) => entry.rendered);
  return { live: complete, changed: await deliver(config, rendered) };
}

function wipe(rendered: LiveBinding['rendered']): void {
  for (const { value } of rendered.env) value.wipe();
  for (const { content } of rendered.files) content.wipe();
}
