import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { LoadGenerator, type Load, type LoadResult } from './load-generator.ts';

/** A load generator in a thread of its own, beside the server's process. */
export interface GeneratorThread {
  /** Prepares the requests of the next run. */
  prepare(): Promise<void>;
  run(): Promise<LoadResult>;
  close(): Promise<void>;
}

export function startGenerator(load: Load): GeneratorThread {
  const worker = new Worker(new URL(import.meta.url), { workerData: load });
  const answer = async (): Promise<unknown> => ((await once(worker, 'message')) as [unknown])[0];
  return {
    prepare: async () => {
      worker.postMessage('prepare');
      await answer();
    },
    run: async () => {
      worker.postMessage('run');
      return (await answer()) as LoadResult;
    },
    close: async () => {
      worker.postMessage('close');
      await once(worker, 'exit');
    },
  };
}

function serveOrders(): void {
  const generator = new LoadGenerator(workerData as Load);
  const orders: Readonly<Record<string, () => Promise<unknown> | void>> = {
    prepare: () => generator.prepare(),
    run: () => generator.run(),
    close: () => {
      generator.close();
      parentPort?.close();
    },
  };
  parentPort?.on('message', (order: string) => void obey(orders[order]));
}

async function obey(order: (() => Promise<unknown> | void) | undefined): Promise<void> {
  const result = await order?.();
  parentPort?.postMessage(result);
}

if (!isMainThread) serveOrders();
