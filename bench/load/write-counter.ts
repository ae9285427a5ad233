import { secretBindingType, type SecretBinding } from '../../src/api/v1alpha1/secret-binding.ts';
import type { KubeClusterApi } from '../../src/kube/kube-cluster-api.ts';
import { keyOf, type ObjectKey } from '../../src/kube/resource.ts';

/**
 * Watches the bindings and tells writes apart: those that change the generation are users', the others the operator's.
 * Of two writes that the watch tells as one, none are: an API server tells each.
 */
export class WriteCounter {
  byOperator = 0;
  byUsers = 0;
  readonly #isReady: (binding: SecretBinding) => boolean;
  readonly #generations = new Map<ObjectKey, number>();
  readonly #notReady = new Set<ObjectKey>();

  constructor(isReady: (binding: SecretBinding) => boolean) {
    this.#isReady = isReady;
  }

  get objects(): number {
    return this.#generations.size;
  }

  get ready(): number {
    return this.#generations.size - this.#notReady.size;
  }

  /** Until the signal fires. */
  async run(api: KubeClusterApi, signal: AbortSignal): Promise<void> {
    for await (const event of api.watch<SecretBinding>(secretBindingType, { signal })) {
      if (event.type === 'Init' || event.type === 'InitDone' || event.type === 'Delete') continue;
      this.#take(event.object, event.type === 'Apply');
    }
  }

  #take(binding: SecretBinding, isChange: boolean): void {
    const key = keyOf(binding);
    const { generation = 0 } = binding.metadata;
    if (isChange && this.#generations.get(key) === generation) this.byOperator += 1;
    else if (isChange) this.byUsers += 1;
    this.#generations.set(key, generation);
    if (this.#isReady(binding)) this.#notReady.delete(key);
    else this.#notReady.add(key);
  }
}
