import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';

/** What works while the service is unsealed. Nothing of it is kept afterwards, so its keys go with it. */
export interface OpenService {
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void;
  /** Ends what requests wait for, so that they end soon. */
  windDown(): void;
  /** Ends everything that uses a key; `sealing` when it is for a seal order, which goes into the audit log. */
  close(sealing: boolean): Promise<void>;
}

export interface SealableServiceOptions<T extends OpenService> {
  /** Whether an order to stay sealed stands. */
  ordered: () => Promise<boolean>;
  open: () => Promise<T>;
  log: Logger;
  /** Milliseconds that requests under way have to end before their keys go; 5000 unless given. */
  drainMs?: number;
}

const drainPauseMs = 10;
const retryMs = 1000;

/**
 * Follows the order to be sealed. While it stands every request is answered 503, and what used keys is closed and let
 * go. Requests that were under way may end, for a while.
 */
export class SealableService<T extends OpenService> {
  readonly #options: SealableServiceOptions<T>;
  #current: T | undefined;
  #underWay = 0;
  #turn: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: SealableServiceOptions<T>) {
    this.#options = options;
  }

  /** What works now; undefined while sealed. */
  get current(): T | undefined {
    return this.#current;
  }

  /** Answers a request, sealed or not. */
  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    const current = this.#current;
    if (current === undefined) {
      answerSealed(request, response);
      return;
    }
    this.#underWay += 1;
    response.once('close', () => (this.#underWay -= 1));
    current.handle(request, response);
  };

  /** Opens the service unless an order stands. Rejects when it cannot be opened. */
  async start(): Promise<void> {
    if (!(await this.#options.ordered())) this.#current = await this.#options.open();
  }

  /** Looks at the order again, after whatever is being done because of the last look. */
  follow(): void {
    this.#turn = this.#turn.then(() => this.#obey());
  }

  /** Lets requests that wait end, before the last of them is waited for. */
  windDown(): void {
    this.#closed = true;
    this.#current?.windDown();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#turn;
    await this.#current?.close(false);
    this.#current = undefined;
  }

  async #obey(): Promise<void> {
    if (this.#closed) return;
    const { log, open, ordered } = this.#options;
    try {
      const seal = await ordered();
      if (seal && this.#current !== undefined) await this.#seal(this.#current);
      else if (!seal && this.#current === undefined) {
        this.#current = await open();
        log.info({}, 'kms is unsealed');
      }
    } catch (error) {
      log.error({ error: messageOf(error) }, 'the order to seal or unseal could not be obeyed; trying again');
      await sleep(retryMs, undefined, { ref: false });
      this.follow();
    }
  }

  async #seal(current: T): Promise<void> {
    const { log, drainMs = 5000 } = this.#options;
    this.#current = undefined;
    current.windDown();
    for (let waitedMs = 0; this.#underWay > 0 && waitedMs < drainMs; waitedMs += drainPauseMs)
      await sleep(drainPauseMs);
    await current.close(true);
    log.warn({}, 'kms is sealed');
  }
}

const sealedText = 'The service is sealed. Ask its operator to unseal it.';

/** The same to everybody; only whether the process lives is another question. */
function answerSealed(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const path = request.url?.split('?', 1)[0];
  const alive = path === '/healthz';
  const plain = alive || path === '/readyz';
  const error = { Code: 'ServiceUnavailableTemporary', Message: sealedText, HttpCode: 503 };
  response.writeHead(alive ? 200 : 503, {
    'content-type': plain ? 'text/plain;charset=utf-8' : 'application/json;charset=utf-8',
    'cache-control': 'no-store',
  });
  response.end(plain ? `${alive ? 'ok' : sealedText}\n` : JSON.stringify(error));
}
