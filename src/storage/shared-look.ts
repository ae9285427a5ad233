/**
 * Lets all who wait share one look at what is far away. A look counts for those who asked before it began, never for those
 * who came while it was under way: what they ask about may have changed after it was answered.
 */
export class SharedLook {
  readonly #look: () => Promise<void>;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(look: () => Promise<void>) {
    this.#look = look;
  }

  /** Resolves after a look that began after this call; rejects as that does. */
  join(): Promise<void> {
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      const looking = this.#look();
      this.#running = looking.catch(() => undefined);
      return looking;
    });
    return this.#next;
  }
}
