import { connect, type TLSSocket } from 'node:tls';
import { formBody } from '../../src/client/parameters.ts';
import { signRequest } from '../../src/client/sign-request.ts';

/** What to send, where, and how hard. */
export interface Load {
  endpoint: string;
  caPem: string;
  accessKeyId: string;
  accessKeySecret: string;
  action: string;
  parameters: Record<string, string>;
  connections: number;
  seconds: number;
}

/** What came of it. */
export interface LoadResult {
  perSecond: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  failures: number;
}

/** Requests signed before the clock starts: enough for the fastest server there is. */
const presignedPerSecond = 12_000;

function presign(load: Load): Buffer[] {
  const { host } = new URL(load.endpoint);
  const body = formBody(load.parameters);
  const credential = {
    kind: 'AccessKey',
    accessKeyId: load.accessKeyId,
    accessKeySecret: load.accessKeySecret,
  } as const;
  return Array.from({ length: presignedPerSecond * load.seconds }, () => {
    const request = { host, version: '2016-01-20', action: load.action, body, time: Date.now(), userAgent: 'bench' };
    const headers = { ...signRequest(request, credential), 'content-length': String(Buffer.byteLength(body)) };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return Buffer.from(`POST / HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
  });
}

function open({ endpoint, caPem }: Load): Promise<TLSSocket> {
  const { hostname, port } = new URL(endpoint);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), servername: hostname, ca: caPem });
    socket.setNoDelay(true);
    socket.once('error', reject);
    socket.once('secureConnect', () => resolve(socket));
  });
}

/** Sends one request and gives the status of its answer, whose length the server declares. */
function exchange(socket: TLSSocket, request: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      const headEnd = text.indexOf('\r\n\r\n');
      const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1];
      if (headEnd < 0 || length === undefined || text.length < headEnd + 4 + Number(length)) return;
      socket.off('data', onData);
      socket.off('error', reject);
      resolve(Number(text.slice(9, 12)));
    };
    socket.on('data', onData);
    socket.once('error', reject);
    socket.write(request);
  });
}

/** Runs a load over kept-alive TLS connections, one request at a time on each. */
export async function runLoad(load: Load): Promise<LoadResult> {
  const requests = presign(load);
  const sockets = await Promise.all(Array.from({ length: load.connections }, () => open(load)));
  const latencies: number[] = [];
  let failures = 0;
  const start = performance.now();
  const end = start + load.seconds * 1000;
  const drive = async (socket: TLSSocket): Promise<void> => {
    for (let sent = performance.now(); sent < end; sent = performance.now()) {
      const request = requests.pop();
      if (request === undefined) return;
      if ((await exchange(socket, request)) !== 200) failures += 1;
      latencies.push(performance.now() - sent);
    }
  };
  await Promise.all(sockets.map(drive));
  const perSecond = latencies.length / ((performance.now() - start) / 1000);
  for (const socket of sockets) socket.destroy();
  const sorted = latencies.toSorted((one, other) => one - other);
  const at = (part: number): number => sorted[Math.floor(sorted.length * part)] ?? 0;
  return { perSecond, p50: at(0.5), p99: at(0.99), failures };
}
