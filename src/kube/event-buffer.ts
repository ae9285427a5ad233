/** An unbounded queue between one producer and one reader. Ends for the reader when the signal fires. */
export class EventBuffer<E> implements AsyncIterable<E> {
  #events: E[] = [];
  #wake: (() => void) | undefined;
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Adds an event for the reader. */
  push(event: E): void {
    this.#events.push(event);
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<E> {
    const onAbort = (): void => this.#wake?.();
    this.#signal.addEventListener('abort', onAbort, { once: true });
    try {
      for (;;) {
        if (this.#signal.aborted) return;
        const batch = this.#events;
        this.#events = [];
        for (const event of batch) {
          yield event;
          if (this.#signal.aborted) return;
        }
        if (batch.length === 0) await this.#arrival();
      }
    } finally {
      this.#signal.removeEventListener('abort', onAbort);
    }
  }

  async #arrival(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
  }
}
