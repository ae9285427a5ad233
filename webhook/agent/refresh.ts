import { messageOf } from '../../src/lib/errors.ts';
import type { AgentBinding, AgentConfig } from './agent-config.ts';
import { deliver } from './deliver.ts';
import { fetchBinding } from './fetch.ts';
import { NextLook, type LookOptions } from './next-look.ts';
import { renderBinding, type Rendered } from './render.ts';
import type { AgentLog, SecretReader } from './source-value.ts';

/** A binding with the reader of its identity and what was delivered last. */
export interface LiveBinding {
  binding: AgentBinding;
  reader: SecretReader;
  rendered: Rendered;
}

export interface RefreshOptions extends LookOptions {
  log: AgentLog;
}

/**
 * Looks for new values of each binding that asks for it, until the signal fires. What is in place stays when a look
 * fails, for whatever reason, and is replaced as a whole when it succeeds: never by a part, never by nothing.
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
    const paths = [...changed.files, ...changed.env];
    if (paths.length > 0) options.log.info({ files: paths }, 'new values are in place');
  };
  await Promise.all(live.map((entry) => follow(entry, commit, options)));
}

async function follow(
  entry: LiveBinding,
  commit: (entry: LiveBinding, rendered: Rendered) => Promise<void>,
  options: RefreshOptions,
): Promise<void> {
  const { signal, log } = options;
  const { refreshSeconds, name } = entry.binding;
  if (refreshSeconds === undefined) return;
  const looks = new NextLook(entry.binding, entry.reader, options);
  while (!signal.aborted) {
    await looks.next();
    if (signal.aborted) return;
    try {
      const values = await fetchBinding(entry.binding, entry.reader, signal);
      await commit(entry, renderBinding(entry.binding, values));
      looks.note('succeeded');
    } catch (error) {
      if (signal.aborted) return;
      looks.note('failed');
      log.warn({ binding: name, reason: messageOf(error) }, 'refresh failed; the last values stay');
    }
  }
}
