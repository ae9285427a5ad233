import type { GeneratorThread } from './generator-thread.ts';
import type { LoadResult } from './load-generator.ts';
import type { ServerUsage } from './server-process.ts';

/** One stretch of load on one server. */
export interface Window extends LoadResult {
  /** Processor time of the server for one request, in microseconds. */
  cpuMicros: number;
  /** Resident memory of the server afterwards. */
  rssMiB: number;
  /** Slowest hundredth of the turns of the server's event loop meanwhile, in ms; 0 unless it is watched. */
  loopP99Ms: number;
}

/** A kind of request, the server that answers it, and who sends it. */
export interface Subject {
  name: string;
  server: { usage(): Promise<ServerUsage> };
  generator: GeneratorThread;
}

async function measure({ server, generator }: Subject): Promise<Window> {
  await generator.prepare();
  const before = await server.usage();
  const result = await generator.run();
  const { cpuMs, rssMiB, loopP99Ms } = await server.usage();
  return { ...result, rssMiB, loopP99Ms, cpuMicros: ((cpuMs - before.cpuMs) * 1000) / result.requests };
}

/**
 * Lets all take turns, so that whatever else the machine does meets all of them. The first round only warms up. Gives the
 * windows of each.
 */
export async function takeTurns(subjects: readonly Subject[], rounds: number): Promise<Window[][]> {
  const windows = subjects.map((): Window[] => []);
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index, subject] of subjects.entries()) {
      const window = await measure(subject);
      if (round > 0) windows[index]?.push(window);
    }
  }
  return windows;
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}

/** Median of what a figure of each window is beside that of the baseline in the same round. */
export function medianRatio(
  windows: readonly Window[],
  baseline: readonly Window[],
  figure: (window: Window) => number,
): number {
  return median(windows.map((window, round) => figure(window) / figure(baseline[round] ?? window)));
}

const rate = ({ perSecond }: Window): number => perSecond;
const cost = ({ cpuMicros }: Window): number => cpuMicros;

/** One line about a subject, beside its baseline. */
export function report(name: string, windows: readonly Window[], baseline: readonly Window[]): string {
  const sorted = windows.flatMap(({ latencies }) => latencies).toSorted((one, other) => one - other);
  const at = (part: number): string => (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(1);
  const failures = windows.reduce((sum, window) => sum + window.failures, 0);
  return [
    name.padEnd(24),
    `${median(windows.map(rate)).toFixed(0).padStart(7)}/s (${medianRatio(windows, baseline, rate).toFixed(2)} ×)`,
    `CPU ${median(windows.map(cost)).toFixed(0).padStart(4)} µs (${medianRatio(windows, baseline, cost).toFixed(2)} ×)`,
    `p50 ${at(0.5)} p99 ${at(0.99)} p999 ${at(0.999)} ms`,
    `RSS ${median(windows.map(({ rssMiB }) => rssMiB)).toFixed(0)} MiB`,
    `generator busy ${median(windows.map(({ busy }) => busy)).toFixed(2)}`,
    `${failures} failed`,
  ].join('  ');
}

/** One line about a subject beside another: the median of the ratios, and the least and the greatest of them. */
export function compare(windows: readonly Window[], other: readonly Window[]): string {
  const ratios = windows.map((window, round) => rate(window) / rate(other[round] ?? window));
  const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  return `${median(ratios).toFixed(2)} × per second (${range}), ${medianRatio(windows, other, cost).toFixed(2)} × CPU`;
}
