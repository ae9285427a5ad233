import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import { messageOf } from '../../src/lib/errors.ts';
import { Refusal } from '../refusal.ts';
import type { AgentConfig } from './agent-config.ts';
import { deliver } from './deliver.ts';
import { fetchBinding } from './fetch.ts';
import { refreshBindings, type LiveBinding } from './refresh.ts';
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
 * pod waits, and starts by itself once the KMS is back.
 */
export async function runAgent(config: AgentConfig, options: AgentOptions): Promise<void> {
  const { signal, log, random = Math.random, clock = systemClock } = options;
  const live = config.bindings.map((binding) => ({ binding, reader: options.readers(binding) }));
  try {
    const delivered = await untilDelivered(config, live, { ...options, random });
    if (delivered === undefined) return;
    log.info({ bindings: delivered.map(({ binding }) => binding.name) }, 'secrets are in place');
    options.onReady?.();
    if (config.once === true) return;
    if (delivered.some(({ binding }) => binding.refreshSeconds !== undefined)) {
      return await refreshBindings(config, delivered, { signal, log, random, clock });
    }
    for (const { rendered } of delivered) wipe(rendered);
    await options.hold?.(signal);
  } finally {
    for (const { reader } of live) reader.close();
  }
}

type Unfetched = Omit<LiveBinding, 'rendered'>;

async function untilDelivered(
  config: AgentConfig,
  live: readonly Unfetched[],
  options: AgentOptions & { random: () => number },
): Promise<LiveBinding[] | undefined> {
  const { signal, log, random, clock = systemClock, patienceMs = 5000 } = options;
  let refusedSince: number | undefined;
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      return await deliverAll(config, live, signal);
    } catch (error) {
      if (signal.aborted) return undefined;
      if (error instanceof Refusal) {
        refusedSince ??= clock.monotonic();
        if (clock.monotonic() - refusedSince >= patienceMs) throw error;
      } else refusedSince = undefined;
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
): Promise<LiveBinding[]> {
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
  await deliver(
    config,
    complete.map(({ rendered }) => rendered),
  );
  return complete;
}

function wipe(rendered: LiveBinding['rendered']): void {
  for (const { value } of rendered.env) value.wipe();
  for (const { content } of rendered.files) content.wipe();
}
