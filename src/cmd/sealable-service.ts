import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import { SealUnavailableError } from '../ports/seal.ts';

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
  #waitingFor: string | undefined;
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

  /** Why it is sealed; undefined while it is not. */
  get sealedBecause(): string | undefined {
    if (this.#current !== undefined) return undefined;
    if (this.#waitingFor === undefined) return 'The service is sealed.';
    return `The service is sealed, and unseals itself once its seal can be used. ${this.#waitingFor}`;
  }

  /** Answers a request, sealed or not. */
  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    const current = this.#current;
    if (current === undefined) {
      answerSealed(request, response, this.#waitingFor === undefined ? sealedText : waitingText);
      return;
    }
    this.#underWay += 1;
    response.once('close', () => (this.#underWay -= 1));
    current.handle(request, response);
  };

  /** Opens the service unless an order stands; later, when its seal cannot be used now. Rejects when it cannot be opened. */
  async start(): Promise<void> {
    if (await this.#options.ordered()) return;
    try {
      this.#current = await this.#options.open();
    } catch (error) {
      if (!(error instanceof SealUnavailableError)) throw error;
      this.#waitFor(error);
      this.#followLater();
    }
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
      this.#waitingFor = undefined;
    } catch (error) {
      if (error instanceof SealUnavailableError) this.#waitFor(error);
      else log.error({ error: messageOf(error) }, 'the order to seal or unseal could not be obeyed; trying again');
      this.#followLater();
    }
  }

  /** Says why, once for each reason. */
  #waitFor({ message }: SealUnavailableError): void {
    if (this.#waitingFor !== message) this.#options.log.warn({ reason: message }, 'kms stays sealed and tries again');
    this.#waitingFor = message;
  }

  #followLater(): void {
    void sleep(retryMs, undefined, { ref: false }).then(() => this.follow());
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
const waitingText = 'The service is sealed until its seal can be used again.';

/** The same to everybody; only whether the process lives is another question. */
function answerSealed(request: IncomingMessage, response: ServerResponse, text: string): void {
  request.resume();
  const path = request.url?.split('?', 1)[0];
  const alive = path === '/healthz';
  const plain = alive || path === '/readyz';
  const error = { Code: 'ServiceUnavailableTemporary', Message: text, HttpCode: 503 };
  response.writeHead(alive ? 200 : 503, {
    'content-type': plain ? 'text/plain;charset=utf-8' : 'application/json;charset=utf-8',
    'cache-control': 'no-store',
  });
  response.end(plain ? `${alive ? 'ok' : text}\n` : JSON.stringify(error));
}
