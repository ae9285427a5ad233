import { Refusal } from '../refusal.ts';
import type { AgentConfig } from './agent-config.ts';
import { formatEnvFile } from './env-file.ts';
import type { Rendered } from './render.ts';
import { writeInPlace } from './write.ts';

/** The env file is for the kubelet, which is root. */
const envFileMode = 0o600;

/**
 * Writes what the bindings deliver: files, then the env file, then, last, the ready file. Whatever cannot be expressed
 * is refused before anything is written. Gives the paths that changed.
 */
export async function deliver(config: AgentConfig, rendered: readonly Rendered[]): Promise<string[]> {
  const envFile = formatEnvFile(mergeEnv(rendered));
  const changed: string[] = [];
  try {
    for (const { path, mode, content } of rendered.flatMap(({ files }) => files)) {
      if (await writeInPlace(path, content.reveal(), mode)) changed.push(path);
    }
    if (await writeInPlace(config.envFile, envFile, envFileMode)) changed.push(config.envFile);
  } finally {
    envFile.fill(0);
  }
  await writeInPlace(config.readyFile, Buffer.from('ready\n'), 0o444);
  return changed;
}

function mergeEnv(rendered: readonly Rendered[]): Rendered['env'] {
  const entries = rendered.flatMap(({ env }) => [...env]);
  const merged = new Map(entries);
  if (merged.size === entries.length) return merged;
  throw new Refusal('Two SecretBindings of this pod set one environment variable.');
}
