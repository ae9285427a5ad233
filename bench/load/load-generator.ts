import { connect, type TLSSocket } from 'node:tls';
import { prepareRequests, type Calls } from './prepared-requests.ts';

/** What to send, where, and how hard. */
export interface Load {
  endpoint: string;
  caPem: string;
  calls: Calls;
  /** Text that is in every right answer: a 200 without it has failed. */
  expected: string;
  connections: number;
  milliseconds: number;
}

/** What came of it. */
export interface LoadResult {
  requests: number;
  perSecond: number;
  /** Milliseconds from sending to the last byte of the answer, one for each request. */
  latencies: number[];
  failures: number;
  /** Part of the time, 0 to 1, in which the generator itself was busy: near 1, it measured itself. */
  busy: number;
}

/** Requests prepared before the clock starts: enough for the fastest server there is. */
const preparedPerSecond = 24_000;

function open({ endpoint, caPem }: Load): Promise<TLSSocket> {
  const { hostname, port } = new URL(endpoint);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), servername: hostname, ca: caPem });
    socket.setNoDelay(true);
    socket.once('error', reject);
    socket.once('secureConnect', () => resolve(socket));
  });
}

/** Bytes of the answer that begins `bytes`; undefined while its head is not whole. */
function answerLength(bytes: Buffer): number | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const length = /\r\ncontent-length: (\d+)/i.exec(bytes.toString('latin1', 0, headEnd))?.[1];
  if (length === undefined) throw new Error('An answer does not declare its length.');
  return headEnd + 4 + Number(length);
}

const okStatus = Buffer.from('HTTP/1.1 200');

/** One kept-alive connection, with at most one request under way. */
class Connection {
  readonly #socket: TLSSocket;
  readonly #expected: Buffer;
  #received: Buffer | undefined;
  #answered: ((ok: boolean) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  constructor(socket: TLSSocket, expected: string) {
    this.#socket = socket;
    this.#expected = Buffer.from(expected);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error) => this.#failed?.(error));
    socket.on('close', () => this.#failed?.(new Error('The server closed a connection.')));
  }

  /** Sends one request after the other until `next` has none, and tells of each answer whether it was right. */
  drive(next: () => Buffer | undefined, answered: (ok: boolean) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const send = (): void => {
        const request = next();
        if (request === undefined) resolve();
        else this.#socket.write(request);
      };
      this.#failed = reject;
      this.#answered = (ok) => {
        answered(ok);
        send();
      };
      send();
    });
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    const received = this.#received === undefined ? chunk : Buffer.concat([this.#received, chunk]);
    const length = answerLength(received);
    const whole = length !== undefined && received.length >= length;
    this.#received = whole ? undefined : received;
    if (whole) this.#answered?.(this.#isRight(received));
  }

  #isRight(answer: Buffer): boolean {
    return answer.subarray(0, okStatus.length).equals(okStatus) && answer.includes(this.#expected);
  }
}

/** Runs a load, again and again, over the same TLS connections. */
export class LoadGenerator {
  readonly #load: Load;
  #connections: readonly Connection[] = [];
  #requests: Buffer[] = [];

  constructor(load: Load) {
    this.#load = load;
  }

  /** Prepares the requests of the next run. Connects the first time, right before: servers give up whoever waits. */
  async prepare(): Promise<void> {
    const { calls, endpoint, expected, connections, milliseconds } = this.#load;
    const count = Math.ceil((preparedPerSecond * milliseconds) / 1000);
    this.#requests = prepareRequests(calls, new URL(endpoint).host, count);
    if (this.#connections.length > 0) return;
    const sockets = await Promise.all(Array.from({ length: connections }, () => open(this.#load)));
    this.#connections = sockets.map((socket) => new Connection(socket, expected));
  }

  async run(): Promise<LoadResult> {
    const latencies: number[] = [];
    let failures = 0;
    const before = performance.eventLoopUtilization();
    const start = performance.now();
    const end = start + this.#load.milliseconds;
    const driving = this.#connections.map((connection) => {
      let sent = 0;
      const next = (): Buffer | undefined => {
        sent = performance.now();
        return sent < end ? this.#requests.pop() : undefined;
      };
      return connection.drive(next, (ok) => {
        latencies.push(performance.now() - sent);
        if (!ok) failures += 1;
      });
    });
    await Promise.all(driving);
    const perSecond = latencies.length / ((performance.now() - start) / 1000);
    const busy = performance.eventLoopUtilization(before).utilization;
    if (this.#requests.length === 0) throw new Error('Too few requests were prepared beforehand.');
    return { requests: latencies.length, perSecond, latencies, failures, busy };
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }
}
