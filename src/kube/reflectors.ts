import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { ObjectSource, WatchOptions } from './cluster-api.ts';
import { resourceName, type KubeObject, type ResourceType } from './resource.ts';
import { Store, type StoreReader } from './store.ts';

/** Narrows what a reflector holds. */
export type ReflectOptions = Pick<WatchOptions, 'namespace' | 'labelSelector' | 'fieldSelector' | 'metadataOnly'>;

export interface ReflectorsOptions {
  source: ObjectSource;
  log: Logger;
  /** Counts complete listings by resource: more than one means that a watch was lost. */
  onListed?: (resource: string) => void;
}

interface Reflector {
  resource: ResourceType;
  options: ReflectOptions;
  store: Store;
  running: boolean;
}

/**
 * One watch and one store for each kind and selection, shared by all controllers of the process.
 *
 * They may run before the process leads: a standby with warm stores takes over at once.
 */
export class Reflectors {
  readonly #options: ReflectorsOptions;
  readonly #reflectors = new Map<string, Reflector>();
  #start: ((reflector: Reflector) => void) | undefined;

  constructor(options: ReflectorsOptions) {
    this.#options = options;
  }

  /** The store of a kind. The same arguments give the same store; the first call starts its watch once this runs. */
  store<T extends KubeObject>(resource: ResourceType<T>, options: ReflectOptions = {}): Store<T> {
    const id = idOf(resource, options);
    let reflector = this.#reflectors.get(id);
    if (reflector === undefined) {
      reflector = { resource, options, store: new Store(), running: false };
      this.#reflectors.set(id, reflector);
      this.#start?.(reflector);
    }
    return reflector.store as unknown as Store<T>;
  }

  /** Whether every store asked for so far has taken in one complete listing. */
  get hasSynced(): boolean {
    return [...this.#reflectors.values()].every(({ store }) => store.hasSynced);
  }

  /** All stores by resource name, for metrics. */
  stores(): Iterable<[string, StoreReader<KubeObject>]> {
    return [...this.#reflectors.values()].map(({ resource, store }) => [resourceName(resource), store]);
  }

  /** Follows every kind until the signal fires. Rejects if a watch ends by itself, which is a bug. */
  run(signal: AbortSignal): Promise<void> {
    if (this.#start !== undefined) return Promise.reject(new Error('the reflectors run already'));
    return new Promise((resolve, reject) => {
      let open = 0;
      this.#start = (reflector) => {
        if (reflector.running) return;
        reflector.running = true;
        open += 1;
        void this.#follow(reflector, signal).then(() => --open === 0 && resolve(), reject);
      };
      const finish = (): void => {
        if (open === 0) resolve();
      };
      if (signal.aborted) return resolve();
      signal.addEventListener('abort', finish, { once: true });
      for (const reflector of this.#reflectors.values()) this.#start(reflector);
    });
  }

  async #follow(reflector: Reflector, signal: AbortSignal): Promise<void> {
    const { resource, options, store } = reflector;
    const { source, log, onListed } = this.#options;
    const name = resourceName(resource);
    try {
      for await (const event of source.watch(resource, { ...options, signal })) {
        store.handle(event);
        if (event.type !== 'InitDone') continue;
        log.debug({ resource: name, objects: store.size }, 'listed');
        onListed?.(name);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
      log.debug({ resource: name, reason: messageOf(error) }, 'watch stopped');
    }
    if (!signal.aborted) throw new Error(`the watch of ${name} ended by itself`);
  }
}

function idOf(resource: ResourceType, options: ReflectOptions): string {
  const { namespace = '', labelSelector = '', fieldSelector = '', metadataOnly = false } = options;
  return JSON.stringify([
    resource.group,
    resource.version,
    resource.plural,
    namespace,
    labelSelector,
    fieldSelector,
    metadataOnly,
  ]);
}
