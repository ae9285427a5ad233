import type { Clock } from '../../lib/clock.ts';
import { find, type KmsApi } from '../kms-api.ts';

/** Questions within {@link freshMs} that make one listing cheaper than an answer to each. */
const worthListing = 50;

/**
 * Most secrets that are listed; where there are more, each is asked for by itself. KMS counts all secrets for each page, so that a
 * listing costs with the square of their number.
 */
const maxListed = 2_000;

/** Most that one page of ListSecrets holds. */
const pageSize = 100;

/** How long a listing counts, and how far back questions are counted, in milliseconds. */
const freshMs = 10_000;

interface Listing {
  atMs: number;
  names: Promise<ReadonlySet<string>>;
}

/**
 * Which secrets KMS has. A few questions are asked one by one; of very many, as when the operator starts, a listing answers all
 * that it can. That a secret is missing is always KMS's own answer about that secret, as of now; that it is there may
 * be as old as {@link freshMs}.
 */
export class SecretDirectory {
  readonly #kms: KmsApi;
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** When the present span of questions began, and how many they are. */
  #span = { fromMs: -Infinity, questions: 0 };
  #listing: Listing | undefined;

  constructor(kms: KmsApi, clock: Pick<Clock, 'monotonic'>) {
    this.#kms = kms;
    this.#clock = clock;
  }

  /** Whether there is a secret of this name. Rejects as `kms` does. */
  async has(name: string, signal: AbortSignal): Promise<boolean> {
    const listed = await this.#listed(signal);
    if (listed?.has(name) === true) return true;
    return (await find(this.#kms, 'DescribeSecret', { SecretName: name }, signal)) !== undefined;
  }

  /** Names of a listing that counts, where one is there or worth its while. */
  async #listed(signal: AbortSignal): Promise<ReadonlySet<string> | undefined> {
    const nowMs = this.#clock.monotonic();
    if (nowMs - this.#span.fromMs > freshMs) this.#span = { fromMs: nowMs, questions: 0 };
    this.#span.questions += 1;
    if (this.#listing !== undefined && nowMs - this.#listing.atMs > freshMs) this.#listing = undefined;
    if (this.#listing === undefined && this.#span.questions < worthListing) return undefined;
    this.#listing ??= { atMs: nowMs, names: this.#list(signal) };
    const { names } = this.#listing;
    try {
      return await names;
    } catch (error) {
      if (this.#listing?.names === names) this.#listing = undefined;
      throw error;
    }
  }

  async #list(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const names = new Set<string>();
    for (let PageNumber = 1, total = 1; names.size < total; PageNumber += 1) {
      const answer = await this.#kms.call('ListSecrets', { PageNumber, PageSize: pageSize }, signal);
      const { Secret } = answer['SecretList'] as { Secret: { SecretName: string }[] };
      total = Number(answer['TotalCount']);
      if (total > maxListed || Secret.length === 0) break;
      for (const { SecretName } of Secret) names.add(SecretName);
    }
    return names;
  }
}
