import { createHash } from 'node:crypto';
import { access, readFile, rm } from 'node:fs/promises';
import { uptime } from 'node:os';
import { dirname, join } from 'node:path';
import type { AgentConfig } from './agent-config.ts';
import { writeInPlace } from './write.ts';

/**
 * What a start of the agent finds of an earlier one in the same pod. Volumes of memory outlive containers, and end with
 * the pod and the node's boot: what is in place was delivered to this pod, and nobody else can have put it there. The
 * record beside it says when it was last confirmed, and of which configuration (identity, sources, places) it is.
 *
 * Times are those of the node's boot, as old as which the volumes at most are: a stepped clock changes no age.
 */
export class LastKnownGood {
  readonly #config: AgentConfig;
  readonly #path: string;
  readonly #digest: string;
  readonly #uptimeSeconds: () => number;
  readonly #confirmed = new Map<string, number>();

  constructor(config: AgentConfig, uptimeSeconds: () => number = uptime) {
    this.#config = config;
    this.#path = join(dirname(config.envFile), '.delivered');
    this.#digest = createHash('sha256').update(JSON.stringify(config)).digest('hex');
    this.#uptimeSeconds = uptimeSeconds;
  }

  /**
   * Age in seconds of the oldest value in place; undefined when there is not everything in place, or when it is not of
   * this configuration. Never partly: one missing file makes all of it worthless.
   */
  async age(): Promise<number | undefined> {
    const confirmed = await this.#read();
    if (confirmed === undefined) return undefined;
    const present = await Promise.all(placesOf(this.#config).map(isThere));
    const ages = this.#config.bindings.map(({ name }) => this.#uptimeSeconds() - (confirmed[name] ?? Number.NaN));
    return present.every(Boolean) && ages.every((age) => age >= 0) ? Math.max(...ages) : undefined;
  }

  /** Whether what is in place may be used while the KMS is away: every binding of the pod has to allow that. */
  async isUsable(): Promise<boolean> {
    const { outageSeconds } = this.#config;
    if (outageSeconds === undefined) return false;
    const age = await this.age();
    return age !== undefined && age <= outageSeconds;
  }

  /** Notes that the KMS has just given the values of these bindings. Written after everything is in place. */
  async confirm(bindings: readonly string[]): Promise<void> {
    for (const name of bindings) this.#confirmed.set(name, this.#uptimeSeconds());
    const record = { digest: this.#digest, confirmed: Object.fromEntries(this.#confirmed) };
    await writeInPlace(this.#path, Buffer.from(JSON.stringify(record)), 0o600);
  }

  /** Makes what is in place unusable for a later start. Files of running containers stay. */
  async forget(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  /** Takes everything away: the record and the ready file first, so that nothing starts on what is left of it. */
  async withdraw(): Promise<void> {
    await this.forget();
    for (const path of [this.#config.readyFile, ...placesOf(this.#config)]) await rm(path, { force: true });
  }

  async #read(): Promise<Record<string, number> | undefined> {
    try {
      const record = JSON.parse(await readFile(this.#path, 'utf8')) as { digest?: unknown; confirmed?: unknown };
      return record.digest === this.#digest ? (record.confirmed as Record<string, number>) : undefined;
    } catch {
      return undefined;
    }
  }
}

/** Every file that a complete delivery has written. */
function placesOf({ bindings, envFile }: AgentConfig): string[] {
  const environs = bindings.flatMap(({ env }) => env.flatMap((variable) => variable.environs ?? []));
  return [...new Set([envFile, ...environs, ...bindings.flatMap(({ files }) => files.map(({ path }) => path))])];
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
