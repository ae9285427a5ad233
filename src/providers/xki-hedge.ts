/** Milliseconds within which a call to a proxy ends, whatever happens (XKS proxy API 1.0, "Latency"). */
export const xkiBudgetMs = 250;
/** The part of the budget after which a second attempt is made on another connection: 100 of 250 ms. */
const hedgeAfter = 0.4;

/** The budget was used up without an answer. */
export class BudgetError extends Error {
  constructor(budgetMs: number) {
    super(`The proxy did not answer within ${budgetMs} ms.`);
    this.name = 'BudgetError';
  }
}

/**
 * Runs an attempt, and a second one when the first has not answered after two fifths of the budget or failed before. The
 * first answer wins, the other attempt is cut. At the end of the budget both are. For calls that may be repeated without harm.
 */
export function hedged<T>(attempt: (signal: AbortSignal) => Promise<T>, budgetMs: number = xkiBudgetMs): Promise<T> {
  return new Promise((resolve, reject) => {
    const cut = new AbortController();
    let running = 0;
    let started = 0;
    const timers: NodeJS.Timeout[] = [];
    const finish = (settle: () => void): void => {
      for (const timer of timers) clearTimeout(timer);
      settle();
      cut.abort();
    };
    const start = (): void => {
      if (started === 2 || cut.signal.aborted) return;
      started += 1;
      running += 1;
      attempt(cut.signal).then(
        (value) => finish(() => resolve(value)),
        (error: unknown) => {
          running -= 1;
          start();
          if (running === 0) finish(() => reject(error));
        },
      );
    };
    timers.push(setTimeout(start, budgetMs * hedgeAfter));
    timers.push(setTimeout(() => finish(() => reject(new BudgetError(budgetMs))), budgetMs));
    start();
  });
}
