/** Whether a proxy is called: after two failures in a row it is not, until its health says that it works again. */
export class XkiCircuit {
  #failures = 0;
  #open = false;
  readonly #onChange: (open: boolean) => void;

  constructor(onChange: (open: boolean) => void) {
    this.#onChange = onChange;
  }

  /** While open, no operation is sent. */
  get open(): boolean {
    return this.#open;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#set(false);
  }

  /** The proxy did not answer in time, or answered that it cannot work. */
  failed(): void {
    this.#failures += 1;
    if (this.#failures >= failuresToOpen) this.#set(true);
  }

  #set(open: boolean): void {
    if (this.#open === open) return;
    this.#open = open;
    this.#onChange(open);
  }
}

const failuresToOpen = 2;
