import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../src/lib/errors.ts';
import type { AgentBinding, AgentConfig } from './agent-config.ts';
import { Refusal } from '../refusal.ts';
import { deliver, type Delivered } from './deliver.ts';
import type { RunningEndpoint } from './endpoint/local-endpoint.ts';
import { fetchBinding } from './fetch.ts';
import type { LastKnownGood } from './last-known-good.ts';
import { NextLook, type LookOptions } from './next-look.ts';
import { notifyProcesses, type AgentSignal } from './notify.ts';
import { renderBinding, type Rendered } from './render.ts';
import type { AgentLog, SecretReader } from './source-value.ts';
import { isTurn, needsTurn } from './turn.ts';

/** A binding with the reader of its identity and what was delivered last. */
export interface LiveBinding {
  binding: AgentBinding;
  reader: SecretReader;
  rendered: Rendered;
}

export interface RefreshOptions extends LookOptions {
  log: AgentLog;
  lastKnownGood: LastKnownGood;
  /** Gives new values to programs that ask for them. */
  endpoint?: Pick<RunningEndpoint, 'expire' | 'forget'> | undefined;
  /** Tells processes of the pod; signals them unless given. */
  notify?: (signal: AgentSignal) => void;
}

/** Variables have new values, and all containers of the pod are to start again with them. */
export class RestartNeeded extends Error {
  constructor(binding: string) {
    super(
      `The SecretBinding ${binding} has new values for environment variables; the containers start again with them.`,
    );
    this.name = 'RestartNeeded';
  }
}

/** Pods that hear of one change start again spread over this time, in milliseconds. */
const restartSpreadMs = 10_000;

/**
 * Looks for new values of each binding that asks for it, until the signal fires. What is in place stays when a look
 * fails, for whatever reason, and is replaced as a whole when it succeeds: never by a part, never by nothing. Rejects
 * with {@link RestartNeeded} when a binding asks for that.
 */
export async function refreshBindings(
  config: AgentConfig,
  live: readonly LiveBinding[],
  options: RefreshOptions,
): Promise<void> {
  // One delivery at a time: all of them write the one env file.
  let turn: Promise<unknown> = Promise.resolve();
  const commit = (entry: LiveBinding, rendered: Rendered): Promise<void> => {
    const result = turn.then(() => replace(entry, rendered));
    turn = result.catch(() => undefined);
    return result;
  };
  const replace = async (entry: LiveBinding, rendered: Rendered): Promise<void> => {
    const next = live.map((other) => (other === entry ? rendered : other.rendered));
    const changed = await deliver(config, next);
    entry.rendered = rendered;
    await options.lastKnownGood.confirm([entry.binding.name]);
    const paths = [...changed.files, ...changed.env];
    if (paths.length > 0) options.log.info({ files: paths }, 'new values are in place');
    await react(entry.binding, changed, options);
  };
  await Promise.all(live.map((entry) => follow(config, entry, commit, options)));
}

/** What the binding asks for after a change. The new values are in place whatever comes of it. */
async function react(
  { name, signal, restartOnChange }: AgentBinding,
  changed: Delivered,
  { log, notify = (sent) => notifyProcesses(sent, { log }), random, signal: end }: RefreshOptions,
): Promise<void> {
  if (signal !== undefined && changed.files.length > 0) notify(signal);
  if (restartOnChange !== true || changed.env.length === 0) return;
  await sleep(restartSpreadMs * random(), undefined, { signal: end });
  throw new RestartNeeded(name);
}

async function follow(
  { readyFile }: AgentConfig,
  entry: LiveBinding,
  commit: (entry: LiveBinding, rendered: Rendered) => Promise<void>,
  options: RefreshOptions,
): Promise<void> {
  const { signal, log } = options;
  const { refreshSeconds, name } = entry.binding;
  if (refreshSeconds === undefined) return;
  const looks = new NextLook(entry.binding, entry.reader, options);
  let isHeldBack = false;
  while (!signal.aborted) {
    if (!isHeldBack) await looks.next();
    if (signal.aborted) return;
    try {
      const { values, versions } = await fetchBinding(entry.binding, entry.reader, signal);
      const waits = needsTurn(entry.binding, entry.rendered, values);
      if (waits && !isHeldBack) log.info({ binding: name }, 'new values wait for the turn of this pod');
      isHeldBack = waits && !(await isTurn(entry.binding, versions, signal));
      if (isHeldBack) continue;
      options.endpoint?.expire(name);
      const work = (): Promise<void> => commit(entry, renderBinding(entry.binding, values));
      await (waits ? inTurn(name, readyFile, work) : work());
      looks.note('succeeded');
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof RestartNeeded) throw error;
      isHeldBack = false;
      looks.note('failed');
      // A refusal is no outage: a start after it gets nothing without the KMS.
      if (error instanceof Refusal) {
        await options.lastKnownGood.forget();
        options.endpoint?.forget(name);
      }
      const ageSeconds = Math.round((await options.lastKnownGood.age()) ?? 0);
      log.warn({ binding: name, reason: messageOf(error), ageSeconds }, 'refresh failed; the last values stay');
    }
  }
}

/**
 * Does what it was the pod's turn for. Values with which its containers could not start are found out by starting them: whoever
 * gave the turn sees it, and the other pods are spared. Without the ready file nothing starts on the values of before.
 */
async function inTurn(name: string, readyFile: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    await rm(readyFile, { force: true });
    throw new RestartNeeded(name);
  }
}
