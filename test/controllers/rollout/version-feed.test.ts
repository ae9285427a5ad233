import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VersionFeed } from '../../../src/controllers/rollout/version-feed.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { ManualTime } from '../../support/manual-time.ts';
import { refusal, unavailable, WaitingKms } from './waiting-kms.ts';

const pollMs = 10_000;
/** More than the pause before a call, and much less than a wait. */
const soonMs = 1000;
const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `shop/${index}`);

/** A feed that runs, by the time of a test. */
class Feed {
  readonly time = new ManualTime();
  readonly kms = new WaitingKms(this.time);
  readonly woken: string[] = [];
  random = 0.5;
  onWake: (key: string, afterMs: number) => void = (key) => void this.woken.push(key);
  readonly versions = new VersionFeed({
    waits: this.kms,
    wake: (key, afterMs) => this.onWake(key, afterMs),
    random: () => this.random,
    sleep: this.time.sleep,
    log: silentLogger,
  });
  #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  start(): void {
    this.#stopping = new AbortController();
    this.#running = this.versions.run(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** What was woken since the last look. */
  takeWoken(): string[] {
    return this.woken.splice(0).toSorted();
  }

  isPolling(key: string): boolean {
    return this.versions.nextLookMs(key, pollMs) === pollMs;
  }

  /** Follows, and lets the first answers come. */
  async follow(followed: Record<string, string[]>): Promise<void> {
    for (const [key, secrets] of Object.entries(followed)) this.versions.follow(key, secrets);
    await this.time.advance(soonMs);
    this.takeWoken();
  }
}

let feed: Feed;
beforeEach(() => {
  feed = new Feed();
  feed.start();
});
afterEach(() => feed.stop());

describe('The feed of new versions', () => {
  it('asks about 32 secrets at a time, whoever follows them, and about each of them once', async () => {
    const all = names(70);
    for (const [index, name] of all.entries()) feed.versions.follow(`binding-${index}`, [name, 'shop/0']);
    await feed.time.advance(soonMs);
    const [open, asked] = [[...feed.kms.open], feed.kms.calls.slice(0, 3)];
    for (const calls of [open, asked]) expect(calls.map((call) => call.names.length)).toEqual([32, 32, 6]);
    expect(open.flatMap((call) => call.names).toSorted()).toEqual(all.toSorted());
    await feed.time.advance(300_000);
    // Ten times and once more in five minutes, besides the first answers.
    expect(feed.kms.calls.length).toBeLessThanOrEqual(3 * 12);
  });

  it('takes the first answer for a change, once: nobody knows what was read before it', async () => {
    feed.versions.follow('a', ['shop/0']);
    await feed.time.advance(soonMs);
    expect(feed.takeWoken()).toEqual(['a']);
    await feed.time.advance(300_000);
    expect(feed.takeWoken()).toEqual([]);
  });

  it('wakes who follows the secret that changed, and nobody else', async () => {
    await feed.follow({ a: ['shop/0', 'shop/1'], b: ['shop/1'], c: ['shop/2'] });
    feed.kms.change('shop/1', 'v2');
    await feed.time.settle();
    expect(feed.takeWoken()).toEqual(['a', 'b']);
    feed.kms.change('shop/2', 'v2');
    await feed.time.advance(soonMs);
    expect(feed.takeWoken()).toEqual(['c']);
  });

  it('asks about a secret that joins at once, together with those that come with it, and forgets nothing of the others', async () => {
    await feed.follow({ a: ['shop/0'] });
    feed.kms.calls.splice(0);
    feed.versions.follow('b', ['shop/1']);
    feed.versions.follow('c', ['shop/2']);
    feed.kms.change('shop/0', 'v2');
    await feed.time.advance(soonMs);
    expect(feed.kms.calls[0]?.asked).toEqual([
      { SecretName: 'shop/0', State: 'absent' },
      { SecretName: 'shop/1' },
      { SecretName: 'shop/2' },
    ]);
    expect(feed.takeWoken()).toEqual(['a', 'b', 'c']);
    expect([...feed.kms.open].map((call) => call.names)).toEqual([names(3)]);
  });

  it('goes on as it is when a binding follows what it has followed', async () => {
    await feed.follow({ a: ['shop/0', 'shop/1'] });
    const before = feed.kms.calls.length;
    await feed.follow({ a: ['shop/1', 'shop/0'] });
    expect(feed.kms.calls).toHaveLength(before);
  });

  it('lets go of a secret that nobody follows any more, and of its calls with the last one', async () => {
    await feed.follow({ a: ['shop/0', 'shop/1'], b: ['shop/1'] });
    feed.versions.follow('a', ['shop/0']);
    feed.versions.follow('b', []);
    feed.kms.change('shop/1', 'v2');
    await feed.time.advance(soonMs);
    expect(feed.takeWoken()).toEqual([]);
    expect([...feed.kms.open].map((call) => call.names)).toEqual([['shop/0']]);
    feed.versions.follow('a', []);
    await feed.time.settle();
    expect(feed.kms.open.size).toBe(0);
    const before = feed.kms.calls.length;
    await feed.time.advance(300_000);
    expect(feed.kms.calls).toHaveLength(before);
  });

  it('lets bindings look again after five minutes, give or take a fifth, where it tells of all that they follow', async () => {
    expect(feed.isPolling('a')).toBe(true);
    feed.versions.follow('a', ['shop/0', 'shop/1']);
    expect(feed.isPolling('a')).toBe(true);
    await feed.follow({});
    const looks = [0, 0.5, 0.999_999].map((random) => {
      feed.random = random;
      return Math.round(feed.versions.nextLookMs('a', pollMs));
    });
    expect(looks).toEqual([240_000, 300_000, 360_000]);
    feed.versions.follow('a', ['shop/0', 'shop/new']);
    expect(feed.isPolling('a')).toBe(true);
    await feed.time.advance(soonMs);
    expect(feed.isPolling('a')).toBe(false);
  });

  it('makes few calls where every one is answered at once and says nothing new', async () => {
    feed.kms.isImpatient = true;
    await feed.follow({ a: ['shop/0'] });
    feed.kms.calls.splice(0);
    await feed.time.advance(10_000);
    expect(feed.kms.calls.length).toBeLessThanOrEqual(40);
  });

  it('ends all its calls and pauses with the signal, forgets who followed, and can run again', async () => {
    await feed.follow({ a: names(40) });
    feed.kms.failure = (asked) => (asked.includes('shop/39') ? unavailable : undefined);
    await feed.follow({ b: ['shop/99'] });
    await feed.stop();
    expect([feed.kms.open.size, feed.time.sleepers]).toEqual([0, 0]);
    expect(feed.isPolling('a')).toBe(true);
    feed.kms.failure = () => undefined;
    feed.start();
    feed.kms.calls.splice(0);
    feed.versions.follow('a', ['shop/0']);
    await feed.time.advance(soonMs);
    expect(feed.takeWoken()).toEqual(['a']);
    expect(feed.kms.calls[0]?.asked).toEqual([{ SecretName: 'shop/0' }]);
  });
});

describe('The feed of new versions from a KMS that fails', () => {
  it('asks with growing pauses, while bindings ask for themselves', async () => {
    feed.kms.failure = () => unavailable;
    feed.versions.follow('a', ['shop/0']);
    await feed.time.advance(600_000);
    const pauses = feed.kms.calls.slice(1).map(({ atMs }, index) => atMs - (feed.kms.calls[index]?.atMs ?? 0));
    expect(pauses.slice(0, 8)).toEqual([1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1000));
    expect(feed.isPolling('a')).toBe(true);
    expect(feed.takeWoken()).toEqual([]);
  });

  it('has bindings look for themselves from when a call fails, spread over ten seconds, until one is answered', async () => {
    await feed.follow({ a: ['shop/0'], b: ['shop/0'] });
    const woken: [string, number][] = [];
    feed.onWake = (key, afterMs) => {
      woken.push([key, afterMs]);
      feed.random = 0.9;
    };
    feed.kms.fail(() => unavailable);
    await feed.time.settle();
    expect(woken).toEqual([
      ['a', 5000],
      ['b', 9000],
    ]);
    await feed.time.advance(20_000);
    expect(woken).toHaveLength(2);
    expect(feed.isPolling('a')).toBe(true);
    feed.kms.failure = () => undefined;
    feed.kms.calls.splice(0);
    await feed.time.advance(60_000);
    // It does not wait before it knows that KMS answers again.
    expect(feed.kms.calls.map(({ waitSeconds }) => waitSeconds).slice(0, 2)).toEqual([0, 30]);
    expect(feed.isPolling('a')).toBe(false);
    expect(woken).toHaveLength(2);
  });

  it('tells of what has changed in the meantime', async () => {
    await feed.follow({ a: ['shop/0'], b: ['shop/1'] });
    feed.kms.fail(() => unavailable);
    await feed.time.advance(5000);
    feed.takeWoken();
    feed.kms.change('shop/1', 'v2');
    feed.kms.failure = () => undefined;
    await feed.time.advance(60_000);
    expect(feed.takeWoken()).toEqual(['b']);
  });

  it('takes an answer that does not speak of all secrets for none', async () => {
    feed.kms.call = () => Promise.resolve({ Secrets: { Secret: [] } });
    await feed.follow({ a: ['shop/0'] });
    expect(feed.isPolling('a')).toBe(true);
  });

  it('does not let the others suffer from one secret that KMS refuses', async () => {
    const all = names(64);
    await feed.follow(Object.fromEntries(all.map((name) => [name, [name]])));
    feed.kms.fail((asked) => (asked.includes('shop/31') ? refusal : undefined));
    await feed.time.advance(600_000);
    expect(all.filter((name) => feed.isPolling(name))).toEqual(['shop/31']);
    await feed.follow({ new: ['shop/new'] });
    expect(feed.isPolling('new')).toBe(false);
    feed.kms.failure = () => undefined;
    await feed.time.advance(120_000);
    expect(feed.isPolling('shop/31')).toBe(false);
  });

  it('asks an older KMS, which refuses every call, no more often for that', async () => {
    const all = names(64);
    await feed.follow(Object.fromEntries(all.map((name) => [name, [name]])));
    feed.kms.fail(() => refusal);
    await feed.time.advance(600_000);
    feed.kms.calls.splice(0);
    await feed.time.advance(600_000);
    expect(feed.kms.calls).toHaveLength(20);
    expect(all.every((name) => feed.isPolling(name))).toBe(true);
  });
});

type Step =
  | { type: 'follow'; key: string; secrets: string[] }
  | { type: 'change'; name: string }
  | { type: 'fail'; how: 'unavailable' | 'refused' | 'none' }
  | { type: 'pass'; ms: number };

const secret = fc.constantFrom(...names(6), ...Array.from({ length: 40 }, (_, index) => `more/${index}`));
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constant('follow' as const),
    key: fc.constantFrom('a', 'b', 'c', 'd'),
    secrets: fc.array(secret, { maxLength: 40 }),
  }),
  fc.record({ type: fc.constant('change' as const), name: secret }),
  fc.record({ type: fc.constant('fail' as const), how: fc.constantFrom('unavailable', 'refused', 'none') }),
  fc.record({ type: fc.constant('pass' as const), ms: fc.constantFrom(0, 1, 100, 250, 40_000) }),
);

/** Bindings that read what they follow when they begin to follow it, and when they are woken; never otherwise. */
class Readers {
  readonly read = new Map<string, Map<string, string>>();
  readonly #waiting = new Set<string>();
  readonly #feed: Feed;
  #changes = 0;

  constructor(of: Feed) {
    this.#feed = of;
    of.onWake = (key) => this.#look(key);
  }

  async take(taken: Step): Promise<void> {
    const { kms, versions, time } = this.#feed;
    if (taken.type === 'follow') {
      versions.follow(taken.key, taken.secrets);
      this.read.set(taken.key, new Map(taken.secrets.map((name) => [name, 'nothing'])));
      this.#look(taken.key);
    } else if (taken.type === 'change') {
      this.#changes += 1;
      kms.change(taken.name, `v${this.#changes}`);
    } else if (taken.type === 'fail') {
      const failure = { unavailable, refused: refusal, none: undefined }[taken.how];
      kms.fail((asked) => (taken.how === 'refused' && !asked.includes('shop/0') ? undefined : failure));
      for (const key of this.#waiting) this.#look(key);
    } else await time.advance(taken.ms);
  }

  /** A look fails while KMS does, and is then repeated. */
  #look(key: string): void {
    const { kms } = this.#feed;
    const found = this.read.get(key);
    if (found === undefined) return;
    if (kms.failure([...found.keys()]) === undefined) {
      for (const name of found.keys()) found.set(name, kms.state(name));
      this.#waiting.delete(key);
    } else this.#waiting.add(key);
  }
}

it('After whatever follows, changes, fails and passes, each binding has read its secrets since they last changed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const tried = new Feed();
      const readers = new Readers(tried);
      tried.start();
      for (const each of steps) await readers.take(each);
      await readers.take({ type: 'fail', how: 'none' });
      await tried.time.advance(120_000);
      for (const [key, found] of readers.read) {
        for (const [name, state] of found) expect([key, name, state]).toEqual([key, name, tried.kms.state(name)]);
        if (found.size > 0) expect(tried.isPolling(key)).toBe(false);
      }
      const followed = [...readers.read.values()].flatMap((found) => [...found.keys()]);
      const asked = [...tried.kms.open].flatMap((call) => call.names);
      expect(asked.toSorted()).toEqual([...new Set(followed)].toSorted());
      await tried.stop();
      expect([tried.kms.open.size, tried.time.sleepers]).toEqual([0, 0]);
    }),
    { numRuns: 60 },
  );
});
