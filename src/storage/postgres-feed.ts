import type { Client } from 'pg';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import { connectListener, type PostgresOptions } from './postgres-connection.ts';
import { changeChannel, selectChanges, selectRevision, type ToldChanges } from './postgres-tables.ts';

export interface PostgresFeedOptions {
  connection: PostgresOptions;
  /** Milliseconds between looks without a notification; also how soon a dead connection is noticed. */
  pollIntervalMs: number;
  log: Logger;
  /** Revision up to which the listeners were told. */
  told: () => number;
  /** Takes changes after that; some of them may have been told meanwhile. */
  tell: (changes: ToldChanges, revision: number) => void;
  /** The database has forgotten commits that were told: it was restored, or failed over to a server that lagged. */
  wentBack: (revision: number) => void;
}

const firstPauseMs = 50;
const longestPauseMs = 2000;

/**
 * Follows what other replicas commit: PostgreSQL notifies, and the table of changes says what it was. A notification is
 * only a reason to look, so that none that is lost loses a change; after a break the next look finds everything since.
 */
export class PostgresFeed {
  readonly #options: PostgresFeedOptions;
  #client: Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  #pauseMs = firstPauseMs;
  #stopped = false;

  constructor(options: PostgresFeedOptions) {
    this.#options = options;
  }

  /** Resolves once it listens. */
  async start(): Promise<void> {
    const client = await connectListener(this.#options.connection);
    if (this.#stopped) {
      await client.end();
      return;
    }
    this.#client = client;
    client.on('notification', () => this.#look());
    client.once('end', () => this.#reconnect());
    await client.query(`LISTEN ${changeChannel}`);
    this.#pauseMs = firstPauseMs;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#look(), this.#options.pollIntervalMs).unref();
    this.#look();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
    await this.#looking;
  }

  #look(): void {
    this.#again = true;
    this.#looking ??= this.#lookWhileAsked().finally(() => (this.#looking = undefined));
  }

  async #lookWhileAsked(): Promise<void> {
    const client = this.#client;
    while (this.#again && client !== undefined && client === this.#client) {
      this.#again = false;
      try {
        const told = this.#options.told();
        const revision = await selectRevision(client);
        if (revision < told) this.#options.wentBack(revision);
        else if (revision > told) this.#options.tell(await selectChanges(client, told), revision);
      } catch {
        // Whatever it was, a new connection looks again.
        void client.end().catch(() => undefined);
        this.#reconnect();
        return;
      }
    }
  }

  #reconnect(): void {
    if (this.#stopped || this.#client === undefined) return;
    this.#options.log.warn({}, 'the change feed lost its connection to the database; connecting again');
    this.#client = undefined;
    clearInterval(this.#timer);
    this.#retryLater();
  }

  #retryLater(): void {
    this.#timer = setTimeout(() => {
      this.start().catch((error: unknown) => {
        if (this.#stopped) return;
        this.#options.log.warn({ error: messageOf(error) }, 'the change feed cannot connect to the database');
        this.#client = undefined;
        this.#pauseMs = Math.min(2 * this.#pauseMs, longestPauseMs);
        this.#retryLater();
      });
    }, this.#pauseMs).unref();
  }
}
