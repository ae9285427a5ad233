import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { encodeFrame, FrameReader, hsmOperations, hsmStatus, type Frame } from '../providers/pkcs11-frames.ts';
import { handshakeBytes, handshakeProof, isHandshakeProof } from '../providers/pkcs11-handshake.ts';
import type { Token } from './token.ts';
import { TokenError, tokenErrorOf } from './token-error.ts';

/** The operations that the server runs. */
export type Operations = Pick<
  Token,
  | 'ping'
  | 'generate'
  | 'namedKey'
  | 'importMaterial'
  | 'encrypt'
  | 'decrypt'
  | 'sign'
  | 'decryptAsymmetric'
  | 'mac'
  | 'destroy'
>;

export interface TokenServerOptions {
  /** Path of the socket; its folder is of mode 0700. */
  socket: string;
  /** The secret beside the socket. */
  secret: Buffer;
  token: Operations;
  /** Requests that wait or run at a time; 4096 unless given. */
  maxRequests?: number;
  /** Told of a failure after which the process is of no use. */
  onFatal: (error: TokenError) => void;
}

/** A running server, and how long its oldest request has been running. */
export interface TokenServer {
  readonly server: Server;
  /** Milliseconds; 0 when nothing runs. */
  readonly oldestMs: () => number;
}

type Fields = readonly Buffer[];
const none = Buffer.alloc(0);

/** Requests that are worked off before the event loop turns. */
const batch = 64;

/** Operation code → what it does with the fields of the request. */
function handlersOf(token: Operations): ReadonlyMap<number, (fields: Fields) => Buffer[] | Promise<Buffer[]>> {
  const { ping, generate, namedKey, importMaterial, encrypt, decrypt } = hsmOperations;
  const { sign, decryptAsymmetric, mac, destroy } = hsmOperations;
  const at = (fields: Fields, index: number): Buffer => fields[index] ?? none;
  return new Map<number, (fields: Fields) => Buffer[] | Promise<Buffer[]>>([
    [
      ping,
      () => {
        token.ping();
        return [];
      },
    ],
    [generate, async (f) => [await token.generate(at(f, 0))]],
    [namedKey, (f) => [token.namedKey(at(f, 0))]],
    [importMaterial, (f) => [token.importMaterial(at(f, 0), at(f, 1))]],
    [encrypt, (f) => token.encrypt(at(f, 0), at(f, 1), at(f, 2))],
    [decrypt, (f) => [token.decrypt(at(f, 0), at(f, 1), at(f, 2), at(f, 3), at(f, 4))]],
    [sign, async (f) => [await token.sign(at(f, 0), at(f, 1).toString('latin1'), at(f, 2))]],
    [decryptAsymmetric, async (f) => [await token.decryptAsymmetric(at(f, 0), at(f, 1).toString('latin1'), at(f, 2))]],
    [mac, (f) => [token.mac(at(f, 0), at(f, 1))]],
    [
      destroy,
      (f) => {
        token.destroy(at(f, 0));
        return [];
      },
    ],
  ]);
}

interface Job {
  socket: Socket;
  frame: Frame;
  receivedAt: number;
}

/** Serves a token on a socket. Resolves once it listens. */
export async function serveToken(options: TokenServerOptions): Promise<TokenServer> {
  const { maxRequests = 4096, onFatal } = options;
  const handlers = handlersOf(options.token);
  const queue: Job[] = [];
  const running = new Map<Job, number>();
  let draining = false;

  const fail = (job: Job, error: unknown): void => {
    const failure = tokenErrorOf(error);
    answer(job, failure.status, [Buffer.from(failure.message)]);
    if (failure.fatal) onFatal(failure);
  };
  const run = (job: Job): void => {
    const { code, fields, deadlineMs } = job.frame;
    const handler = handlers.get(code);
    try {
      if (performance.now() - job.receivedAt > deadlineMs) {
        throw new TokenError(hsmStatus.retry, 'The deadline passed before the HSM got to it.');
      }
      if (handler === undefined) throw new TokenError(hsmStatus.unsupported, 'There is no such operation.');
      const result = handler(fields);
      if (!(result instanceof Promise)) return answer(job, hsmStatus.ok, result);
      running.set(job, performance.now());
      void result
        .then(
          (done) => answer(job, hsmStatus.ok, done),
          (error: unknown) => fail(job, error),
        )
        .finally(() => running.delete(job));
    } catch (error) {
      fail(job, error);
    }
  };
  const drain = (): void => {
    const touched = new Set<Socket>();
    for (const job of queue.splice(0, batch)) {
      if (!touched.has(job.socket)) job.socket.cork();
      touched.add(job.socket);
      run(job);
    }
    for (const socket of touched) socket.uncork();
    draining = queue.length > 0;
    if (draining) setImmediate(drain);
  };
  const enqueue = (socket: Socket, frame: Frame): void => {
    const job = { socket, frame, receivedAt: performance.now() };
    if (queue.length + running.size >= maxRequests) {
      answer(job, hsmStatus.retry, [Buffer.from('Too many requests wait for the HSM.')]);
      return;
    }
    queue.push(job);
    if (draining) return;
    draining = true;
    setImmediate(drain);
  };
  const server = createServer((socket) => greet(socket, options.secret, enqueue));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.socket, resolve);
  });
  const oldestMs = (): number => {
    const [oldest] = running.values();
    return oldest === undefined ? 0 : performance.now() - oldest;
  };
  return { server, oldestMs };
}

function answer({ socket, frame }: Job, code: number, fields: readonly Buffer[]): void {
  if (socket.writable) socket.write(encodeFrame({ id: frame.id, code, deadlineMs: 0, fields }));
}

/** Takes frames of a connection: the handshake first, then requests. Anything else ends it. */
function greet(socket: Socket, secret: Buffer, enqueue: (socket: Socket, frame: Frame) => void): void {
  const reader = new FrameReader();
  const nonce = randomBytes(handshakeBytes);
  let state: 'new' | 'asked' | 'proven' = 'new';
  const reply = (frame: Frame, fields: Buffer[]): void =>
    answer({ socket, frame, receivedAt: 0 }, hsmStatus.ok, fields);
  const take = (frame: Frame): void => {
    if (state === 'proven') return enqueue(socket, frame);
    const [field] = frame.fields;
    if (state === 'new' && frame.code === hsmOperations.hello && field?.length === handshakeBytes) {
      state = 'asked';
      return reply(frame, [nonce, handshakeProof(secret, 'server', field)]);
    }
    const proves = isHandshakeProof(field, handshakeProof(secret, 'client', nonce));
    if (state !== 'asked' || frame.code !== hsmOperations.prove || !proves) return void socket.destroy();
    state = 'proven';
    return reply(frame, []);
  };
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const frame of reader.push(chunk)) take(frame);
    } catch {
      socket.destroy();
    }
  });
}
