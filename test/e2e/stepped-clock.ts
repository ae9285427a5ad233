/** How far the clock steps: beyond what a signature or a token may be off. */
const stepMs = 20 * 60_000;

/** When after its start the process sees the step, and when the clock steps back, in milliseconds. */
const stepAtMs = 5_000;
const backAtMs = 25_000;

/** How long a process has to run to have seen both. */
export const steppedMs: number = backAtMs + 5_000;

/**
 * An environment variable with which a process of Node sees its clock step forward while it runs, and back again. Nothing on the
 * machine can step the clock of one process: time namespaces have no CLOCK_REALTIME. What OpenSSL and the kernel do goes by
 * the real one.
 */
export function steppedClock(direction: 1 | -1): string {
  const program = `
    const { now } = Date;
    const started = performance.now();
    const off = () => {
      const elapsed = performance.now() - started;
      return elapsed > ${stepAtMs} && elapsed < ${backAtMs} ? ${direction * stepMs} : 0;
    };
    globalThis.Date = class extends Date {
      constructor(...given) { given.length === 0 ? super(now() + off()) : super(...given); }
      static now() { return now() + off(); }
    };`;
  return `NODE_OPTIONS=--import=data:text/javascript,${encodeURIComponent(program)}`;
}
