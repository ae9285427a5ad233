import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a process of Node holds after two full garbage collections. */
export interface LiveHeap {
  /** Live objects, in MB. */
  usedMb: number;
  /** The heap's pages, in MB. */
  totalMb: number;
}

/** Collects the garbage of a process, by its inspector: it was started with `--inspect-port` on `port` of this host. */
export async function liveHeap(pid: number, port: number): Promise<LiveHeap> {
  const socket = new WebSocket(await inspectorUrl(pid, port));
  await once(socket, 'open');
  try {
    await ask(socket, 'HeapProfiler.enable');
    for (let turn = 0; turn < 2; turn += 1) await ask(socket, 'HeapProfiler.collectGarbage');
    const { usedSize = Number.NaN, totalSize = Number.NaN } = await ask(socket, 'Runtime.getHeapUsage');
    return { usedMb: usedSize / 1e6, totalMb: totalSize / 1e6 };
  } finally {
    socket.close();
  }
}

/** Node opens the inspector when it gets SIGUSR1, once. */
async function inspectorUrl(pid: number, port: number): Promise<string> {
  process.kill(pid, 'SIGUSR1');
  const deadline = Date.now() + 10_000;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/json/list`).catch(() => undefined);
    const [target] = answer === undefined ? [] : ((await answer.json()) as { webSocketDebuggerUrl: string }[]);
    if (target !== undefined) return target.webSocketDebuggerUrl;
    if (Date.now() > deadline) throw new Error(`no inspector on port ${port}`);
    await sleep(100);
  }
}

let asked = 0;

function ask(socket: WebSocket, method: string): Promise<Record<string, number>> {
  asked += 1;
  const id = asked;
  const { promise, resolve } = Promise.withResolvers<Record<string, number>>();
  const take = ({ data }: MessageEvent): void => {
    const answer = JSON.parse(String(data)) as { id?: number; result?: Record<string, number> };
    if (answer.id !== id) return;
    socket.removeEventListener('message', take);
    resolve(answer.result ?? {});
  };
  socket.addEventListener('message', take);
  socket.send(JSON.stringify({ id, method }));
  return promise;
}
