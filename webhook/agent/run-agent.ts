import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import { messageOf } from '../../src/lib/errors.ts';
import { aborted } from '../../src/lib/signals.ts';
import { Refusal } from '../refusal.ts';
import type { AgentConfig } from './agent-config.ts';
import { deliver, type Delivered } from './deliver.ts';
import type { EndpointFactory, RunningEndpoint } from './endpoint/local-endpoint.ts';
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
  /** Starts the local endpoint; needed where the configuration has one. */
  endpoint?: EndpointFactory;
  /** What to do when nothing is left to refresh; waits for the signal unless given. */
  hold?: (signal: AbortSignal) => Promise<void>;
  clock?: Clock;
  random?: () => number;
  /** Seconds since the node booted. */
  uptimeSeconds?: () => number;
  /** After the first delivery, before it looks for newer versions, in milliseconds; 1000 unless given. */
  settleMs?: number;
  /** How long a refusal is asked again before it is believed, in milliseconds; 5000 unless given. */
  patienceMs?: number;
}

const settleMs = 1000;
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
  const { random = Math.random, clock = systemClock } = options;
  const lastKnownGood = new LastKnownGood(config, options.uptimeSeconds);
  const live = config.bindings.map((binding) => ({ binding, reader: options.readers(binding) }));
  const run: AgentRun = { ...options, config, random, clock, lastKnownGood, endpoint: undefined };
  try {
    const wasDelivered = (await lastKnownGood.age()) !== undefined;
    if (!(await lastKnownGood.isUsable())) await rm(config.readyFile, { force: true });
    run.endpoint = await startEndpoint(config, live, { ...options, clock });
    const first = await untilDelivered(live, run);
    if (first !== undefined) await carryOn(first, wasDelivered, run);
  } finally {
    await run.endpoint?.close();
    for (const { reader } of live) reader.close();
  }
}

/** One run of the agent, with everything that it needs. */
interface AgentRun extends Omit<AgentOptions, 'endpoint'> {
  config: AgentConfig;
  random: () => number;
  clock: Clock;
  lastKnownGood: LastKnownGood;
  endpoint: RunningEndpoint | undefined;
}

async function startEndpoint(
  { localEndpoint, ...account }: AgentConfig,
  live: readonly Unfetched[],
  { endpoint, ...options }: AgentOptions & { clock: Clock },
): Promise<RunningEndpoint | undefined> {
  if (localEndpoint === undefined) return undefined;
  if (endpoint === undefined) throw new TypeError('a configuration with localEndpoint needs its factory');
  return endpoint(localEndpoint, account, live, options);
}

/** What follows the first delivery: refresh, serve, hold, or end, as the configuration says. */
async function carryOn({ live, changed }: FirstDelivery, wasDelivered: boolean, run: AgentRun): Promise<void> {
  const { config, lastKnownGood, signal, log, endpoint } = run;
  await lastKnownGood.confirm(config.bindings.map(({ name }) => name));
  log.info({ bindings: live.map(({ binding }) => binding.name) }, 'secrets are in place');
  run.onReady?.();
  // Containers that run on with what an earlier agent put in place do not have these.
  const stale = changed.env.length > 0 ? live.find(({ binding }) => binding.restartOnChange) : undefined;
  if (wasDelivered && stale !== undefined) throw new RestartNeeded(stale.binding.name);
  if (config.once === true) return;
  if (live.some(({ binding }) => binding.refreshSeconds !== undefined)) {
    // The application starts now, on the same processors: its turn first.
    await sleep(run.settleMs ?? settleMs, undefined, { signal }).catch(() => undefined);
    return refreshBindings(config, live, run);
  }
  for (const { rendered } of live) wipe(rendered);
  if (endpoint !== undefined) await aborted(signal);
  else await run.hold?.(signal);
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
async function bridge(bridging: boolean, { lastKnownGood, log, onReady }: AgentRun): Promise<boolean> {
  const isUsable = await lastKnownGood.isUsable();
  if (isUsable && !bridging) {
    const ageSeconds = Math.round((await lastKnownGood.age()) ?? 0);
    log.warn({ ageSeconds }, 'the KMS is away; this pod runs on with the last values it had');
    onReady?.();
  }
  if (!isUsable && bridging) {
    log.warn({}, 'the last values are older than spec.outage.maxAgeSeconds allows, and are taken away');
    await lastKnownGood.withdraw();
  }
  return isUsable;
}

async function untilDelivered(live: readonly Unfetched[], run: AgentRun): Promise<FirstDelivery | undefined> {
  const { signal, log, random, clock, lastKnownGood, patienceMs = 5000 } = run;
  let refusedSince: number | undefined;
  let bridging = false;
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      return await deliverAll(live, run);
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
        bridging = await bridge(bridging, run);
      }
      log.warn({ reason: messageOf(error), attempt }, 'secrets are not in place yet; trying again');
    }
    const ceilingMs = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(attempt, 10));
    await sleep(ceilingMs * (0.5 + 0.5 * random()), undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}

/** All bindings or none: nothing is written before everything has been fetched and rendered. */
async function deliverAll(live: readonly Unfetched[], { config, signal, endpoint }: AgentRun): Promise<FirstDelivery> {
  const results = await Promise.allSettled(
    live.map(async (entry) => ({
      ...entry,
      rendered: renderBinding(entry.binding, (await fetchBinding(entry.binding, entry.reader, signal)).values),
    })),
  );
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  const refusals = failures.filter((failure) => failure instanceof Refusal);
  if (refusals.length > 0) throw new Refusal(refusals.map(({ message }) => message).join('\n'));
  if (failures.length > 0) throw failures[0];
  const complete = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const rendered = complete.map((entry) => entry.rendered);
  await endpoint?.warm();
  return { live: complete, changed: await deliver(config, rendered) };
}

function wipe(rendered: LiveBinding['rendered']): void {
  for (const { value } of rendered.env) value.wipe();
  for (const { content } of rendered.files) content.wipe();
}
