import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeFrame, FrameReader, hsmOperations, hsmStatus, type Frame } from './pkcs11-frames.ts';
import { handshakeBytes, handshakeFile, handshakeProof, isHandshakeProof } from './pkcs11-handshake.ts';

/** The `hsm` process, or what it runs, cannot work now. The same call may succeed in a moment. */
export class HsmUnavailableError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'HsmUnavailableError';
  }
}

/** The `hsm` process refused for good: a status of {@link hsmStatus} besides `ok` and `retry`. */
export class HsmRefusalError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'HsmRefusalError';
    this.status = status;
  }
}

export interface HsmClientOptions {
  /** Path of the socket. */
  socket: string;
  /** Milliseconds that a call may take in all; 10,000 unless given. Making keys takes six times that. */
  deadlineMs?: number;
  /** Calls under way and waiting at a time; 4096 unless given. More are refused at once. */
  maxCalls?: number;
}

type Operation = keyof typeof hsmOperations;

interface PendingCall {
  resolve(fields: readonly Buffer[]): void;
  reject(error: Error): void;
}

/** Operations that may not simply be sent again: they would leave a second object in the token. */
const once: ReadonlySet<Operation> = new Set(['generate', 'importMaterial']);
const retryPauseMs = 50;

/** Calls the `hsm` process over its socket. Connects when needed, again after a loss, and sends a lost call again. */
export class HsmClient {
  readonly #options: Required<HsmClientOptions>;
  #connection: Promise<HsmConnection> | undefined;
  #calls = 0;
  #lastFailure: string | undefined;

  constructor(options: HsmClientOptions) {
    this.#options = { deadlineMs: 10_000, maxCalls: 4096, ...options };
  }

  /** Why the last call did not get through; `undefined` when it did. */
  get problem(): string | undefined {
    return this.#lastFailure;
  }

  async call(operation: Operation, ...fields: readonly Buffer[]): Promise<readonly Buffer[]> {
    if (this.#calls >= this.#options.maxCalls) throw new HsmUnavailableError('Too many calls wait for the HSM.');
    this.#calls += 1;
    try {
      const answer = await this.#untilDeadline(operation, fields);
      this.#lastFailure = undefined;
      return answer;
    } catch (error) {
      if (error instanceof HsmUnavailableError) this.#lastFailure = error.message;
      throw error;
    } finally {
      this.#calls -= 1;
    }
  }

  async close(): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined);
    connection?.end();
  }

  async #untilDeadline(operation: Operation, fields: readonly Buffer[]): Promise<readonly Buffer[]> {
    const deadlineMs = this.#options.deadlineMs * (once.has(operation) ? 6 : 1);
    const end = performance.now() + deadlineMs;
    for (;;) {
      try {
        const connection = await this.#connected();
        const leftMs = Math.max(1, end - performance.now());
        return await connection.call(hsmOperations[operation], fields, leftMs);
      } catch (error) {
        const over = performance.now() + retryPauseMs >= end;
        if (!(error instanceof HsmUnavailableError) || over || (once.has(operation) && error.cause !== unsent)) {
          throw error;
        }
        await sleep(retryPauseMs);
      }
    }
  }

  #connected(): Promise<HsmConnection> {
    this.#connection ??= openConnection(this.#options.socket, () => (this.#connection = undefined)).catch(
      (error: unknown) => {
        this.#connection = undefined;
        throw error;
      },
    );
    return this.#connection;
  }
}

/** Marks failures before anything was sent. */
const unsent: unique symbol = Symbol('unsent');

interface HsmConnection {
  call(code: number, fields: readonly Buffer[], deadlineMs: number): Promise<readonly Buffer[]>;
  end(): void;
}

async function openConnection(path: string, onClose: () => void): Promise<HsmConnection> {
  const socket = await dial(path);
  const connection = multiplex(socket, onClose);
  try {
    const secret = await readFile(handshakeFile(path));
    const nonce = randomBytes(handshakeBytes);
    const [theirs = Buffer.alloc(0), proof] = await connection.call(hsmOperations.hello, [nonce], 5000);
    if (!isHandshakeProof(proof, handshakeProof(secret, 'server', nonce))) {
      throw new HsmUnavailableError(
        'Whoever listens at the socket of the HSM process does not know the secret beside it.',
      );
    }
    await connection.call(hsmOperations.prove, [handshakeProof(secret, 'client', theirs)], 5000);
    return connection;
  } catch (error) {
    connection.end();
    if (error instanceof HsmUnavailableError) throw new HsmUnavailableError(error.message, unsent);
    throw new HsmUnavailableError('The secret beside the socket of the HSM process cannot be read.', unsent);
  }
}

function dial(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const fail = (): void =>
      reject(new HsmUnavailableError('The HSM process does not listen at its socket. Is it running?', unsent));
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.off('error', fail);
      resolve(socket);
    });
  });
}

function multiplex(socket: Socket, onClose: () => void): HsmConnection {
  const pending = new Map<number, PendingCall>();
  const reader = new FrameReader();
  let lastId = 0;
  const fail = (): void => {
    onClose();
    const error = new HsmUnavailableError('The HSM process went away. It is started again.');
    for (const call of pending.values()) call.reject(error);
    pending.clear();
  };
  socket.on('error', () => undefined);
  socket.on('close', fail);
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const frame of reader.push(chunk)) settle(pending, frame);
    } catch {
      socket.destroy();
    }
  });
  const call: HsmConnection['call'] = (code, fields, deadlineMs) =>
    new Promise((resolve, reject) => {
      lastId = (lastId + 1) >>> 0;
      const id = lastId;
      // A process that does not answer in time may answer later: nobody waits for that id any more.
      const timer = setTimeout(() => {
        pending.delete(id);
        reject(new HsmUnavailableError('The HSM process did not answer in time.'));
      }, deadlineMs);
      const done = <T>(next: (value: T) => void) => {
        return (value: T): void => {
          clearTimeout(timer);
          next(value);
        };
      };
      pending.set(id, { resolve: done(resolve), reject: done(reject) });
      socket.write(encodeFrame({ id, code, deadlineMs: Math.ceil(deadlineMs), fields }));
    });
  return { call, end: () => void socket.destroy() };
}

function settle(pending: Map<number, PendingCall>, { id, code, fields }: Frame): void {
  const call = pending.get(id);
  pending.delete(id);
  if (call === undefined) return;
  const message = fields[0]?.toString('utf8') ?? '';
  if (code === hsmStatus.ok) call.resolve(fields);
  else if (code === hsmStatus.retry) call.reject(new HsmUnavailableError(message));
  else call.reject(new HsmRefusalError(code, message));
}
