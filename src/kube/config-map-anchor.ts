import { parseCheckpoint, type Checkpoint } from '../crypto/record-chain.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { AuditAnchor } from '../ports/audit-anchor.ts';
import type { KubeClient } from './kube-client.ts';
import type { KubeObject, ResourceType } from './resource.ts';
import { systemSleep, type Sleep } from './sleep.ts';

/** core/v1 ConfigMap, as far as it is read. */
interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}

const configMapResource: ResourceType<ConfigMap> = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
};

/** Where the head of one audit log stands. */
export interface ConfigMapKey {
  namespace: string;
  name: string;
  /** Key of `data`: the replica. */
  key: string;
}

export interface ConfigMapAnchorOptions extends ConfigMapKey {
  client: KubeClient;
  log: Logger;
  /** Between two writes, also after one that failed; 1000 unless given. */
  intervalMs?: number;
  sleep?: Sleep;
}

const callTimeoutMs = 5000;

/**
 * Reads the checkpoint that a ConfigMap keeps; undefined when it has none under the key. Throws when the ConfigMap cannot
 * be read, is not there, or holds something else.
 */
export async function readConfigMapAnchor(client: KubeClient, at: ConfigMapKey): Promise<Checkpoint | undefined> {
  const found = await client.get(configMapResource, at, { signal: AbortSignal.timeout(callTimeoutMs) });
  const where = `ConfigMap ${at.namespace}/${at.name}`;
  if (found === undefined) throw new Error(`There is no ${where} for the head of the audit log. Create it, empty.`);
  const text = found.data?.[at.key];
  if (text === undefined) return undefined;
  const checkpoint = parseCheckpoint(text);
  if (checkpoint !== undefined) return checkpoint;
  throw new Error(`${where} holds no checkpoint under ${at.key}. Verify the audit log, then remove the key.`);
}

/**
 * Opens an anchor in a ConfigMap that exists. It is written once in a while: a checkpoint that comes sooner waits, and of
 * several that wait the last is kept. A write that fails is repeated until it succeeds; the log goes on meanwhile.
 */
export async function openConfigMapAnchor(options: ConfigMapAnchorOptions): Promise<AuditAnchor> {
  return new ConfigMapAnchor(options, await readConfigMapAnchor(options.client, options));
}

class ConfigMapAnchor implements AuditAnchor {
  readonly #options: ConfigMapAnchorOptions;
  #last: Checkpoint | undefined;
  #pending: Checkpoint | undefined;
  #healthy = true;
  #writing: Promise<void> | undefined;
  readonly #closing = new AbortController();

  constructor(options: ConfigMapAnchorOptions, last: Checkpoint | undefined) {
    this.#options = options;
    this.#last = last;
  }

  get last(): Checkpoint | undefined {
    return this.#last;
  }

  get healthy(): boolean {
    return this.#healthy;
  }

  readonly anchor = (checkpoint: Checkpoint): void => {
    this.#last = checkpoint;
    this.#pending = checkpoint;
    this.#writing ??= this.#writeUntilDone().finally(() => (this.#writing = undefined));
  };

  async flush(): Promise<void> {
    this.#closing.abort();
    await this.#writing;
    if (this.#pending !== undefined) await this.#write(this.#pending);
  }

  async #writeUntilDone(): Promise<void> {
    const { sleep = systemSleep, intervalMs = 1000, log, key } = this.#options;
    while (this.#pending !== undefined && !this.#closing.signal.aborted) {
      try {
        await this.#write(this.#pending);
      } catch (error) {
        if (this.#healthy) log.error({ key, error: messageOf(error) }, 'the head of the audit log cannot be anchored');
        this.#healthy = false;
      }
      await sleep(intervalMs, this.#closing.signal);
    }
  }

  async #write(checkpoint: Checkpoint): Promise<void> {
    const { client, key } = this.#options;
    const value = { data: { [key]: JSON.stringify(checkpoint) } };
    const signal = AbortSignal.timeout(callTimeoutMs);
    await client.patch(
      configMapResource,
      this.#options,
      { type: 'merge', value },
      { signal, fieldManager: 'kaap-kms' },
    );
    this.#healthy = true;
    // One that came meanwhile waits for the next write.
    if (this.#pending === checkpoint) this.#pending = undefined;
  }
}
