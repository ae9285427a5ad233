import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { markOf, type Versions } from '../../src/api/version-mark.ts';
import { Refusal } from '../refusal.ts';
import type { AgentBinding } from './agent-config.ts';
import { renderBinding, type Rendered } from './render.ts';
import type { SourceValues } from './source-value.ts';

/** Between two looks at the file, in milliseconds: the kubelet writes it within a second or two of the annotation. */
const lookMs = 500;

/** Before the KMS is asked again for what waits, in milliseconds: the version before may be current again. */
const longestWaitMs = 30_000;

/**
 * Whether values are delivered when it is this pod's turn, and no earlier: containers start again with them, or could not start
 * with them at all.
 */
export function needsTurn(binding: AgentBinding, before: Rendered, values: SourceValues): boolean {
  if (binding.turnFile === undefined) return false;
  try {
    return !sameVariables(before, renderBinding(binding, values));
  } catch (error) {
    if (error instanceof Refusal) return true;
    throw error;
  }
}

function sameVariables(before: Rendered, next: Rendered): boolean {
  return next.env.every(({ value }, index) => before.env[index]?.value.reveal().equals(value.reveal()) === true);
}

/**
 * Waits until it is this pod's turn to start again with these versions. `false` when it was not for a while: the values may
 * be others by now, and are to be asked for again.
 */
export async function isTurn(
  { turnFile = '' }: AgentBinding,
  versions: Versions,
  signal: AbortSignal,
): Promise<boolean> {
  const mark = markOf(versions);
  for (let waitedMs = 0; waitedMs < longestWaitMs && !signal.aborted; waitedMs += lookMs) {
    if ((await readTurn(turnFile)) === mark) return true;
    await sleep(lookMs, undefined, { signal }).catch(() => undefined);
  }
  return false;
}

/** What the operator has said last; empty where it has not. */
async function readTurn(path: string): Promise<string> {
  return readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => '',
  );
}
