import type { ObjectKey } from '../../kube/resource.ts';
import { WaitGroup, type WaitGroupOptions } from './wait-group.ts';

export interface VersionFeedOptions extends Pick<WaitGroupOptions, 'waits' | 'random' | 'sleep' | 'log'> {
  /** Asks for a look at a binding after some time. Must not throw. */
  wake: (key: ObjectKey, afterMs: number) => void;
}

/** Between two looks at what KMS tells of by itself, give or take a fifth. */
const lookAgainMs = 300_000;
const lookAgainJitter = 0.2;
/** Bindings of which nothing is told any more are looked at within this time, and not all in one moment. */
const lostSpreadMs = 10_000;

interface FollowedSecret {
  followers: Set<ObjectKey>;
  group: WaitGroup;
}

/**
 * Tells bindings of new versions of the secrets that they follow, as soon as KMS has them: KMS is waited for with a call
 * for each 32 secrets, however many bindings follow them. Where it cannot be, the bindings ask for themselves.
 *
 * Whoever follows a secret and reads its versions afterwards misses no change: what is known of the secret is either older
 * than that, so that a change is told, or not known yet, and then the first answer is told as one.
 */
export class VersionFeed {
  readonly name = 'version-feed';
  readonly #options: VersionFeedOptions;
  readonly #secrets = new Map<string, FollowedSecret>();
  readonly #followed = new Map<ObjectKey, ReadonlySet<string>>();
  readonly #groups = new Set<WaitGroup>();
  readonly #running = new Set<Promise<void>>();
  /** Fires when this run ends; undefined outside of one. */
  #signal: AbortSignal | undefined;

  constructor(options: VersionFeedOptions) {
    this.#options = options;
  }

  /** Notes that a binding follows these secrets from now on and no others; with none it is forgotten. Call it before you read versions. */
  follow(key: ObjectKey, names: Iterable<string>): void {
    const before = this.#followed.get(key) ?? new Set();
    const now = new Set(names);
    if (now.size === 0) this.#followed.delete(key);
    else this.#followed.set(key, now);
    for (const name of before.difference(now)) this.#leave(key, name);
    for (const name of now.difference(before)) this.#join(key, name);
  }

  /** When a binding is to be looked at again: after `pollMs` unless changes of everything that it follows would be told. */
  nextLookMs(key: ObjectKey, pollMs: number): number {
    const names = this.#followed.get(key);
    if (names === undefined || ![...names].every((name) => this.#isLive(name))) return pollMs;
    return lookAgainMs * (1 + lookAgainJitter * (2 * this.#options.random() - 1));
  }

  /** Waits until the signal fires and all calls have ended, and forgets then who follows what. May run again later. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    for (const group of this.#groups) this.#start(group, signal);
    while (!signal.aborted) await this.#options.sleep(Number.MAX_SAFE_INTEGER, signal);
    this.#signal = undefined;
    await Promise.all(this.#running);
    this.#secrets.clear();
    this.#followed.clear();
    this.#groups.clear();
  }

  #isLive(name: string): boolean {
    return this.#secrets.get(name)?.group.isLive(name) === true;
  }

  #join(key: ObjectKey, name: string): void {
    const secret = this.#secrets.get(name) ?? { followers: new Set(), group: this.#groupWithRoom() };
    secret.followers.add(key);
    if (this.#secrets.has(name)) return;
    this.#secrets.set(name, secret);
    secret.group.add(name);
  }

  #leave(key: ObjectKey, name: string): void {
    const secret = this.#secrets.get(name);
    secret?.followers.delete(key);
    if (secret === undefined || secret.followers.size > 0) return;
    this.#secrets.delete(name);
    secret.group.delete(name);
    if (secret.group.isEmpty) this.#groups.delete(secret.group);
  }

  #groupWithRoom(): WaitGroup {
    for (const group of this.#groups) if (group.hasRoom) return group;
    return this.#newGroup();
  }

  #newGroup(): WaitGroup {
    const group: WaitGroup = new WaitGroup({
      ...this.#options,
      onChange: (name) => this.#wakeFollowers(name, () => 0),
      onLost: (names) => {
        for (const name of names) this.#wakeFollowers(name, () => lostSpreadMs * this.#options.random());
      },
      onRefused: (names) => this.#takeApart(group, names),
    });
    this.#groups.add(group);
    if (this.#signal !== undefined) this.#start(group, this.#signal);
    return group;
  }

  /** Halves a group that is refused where others are not, until what is refused is alone. */
  #takeApart(group: WaitGroup, names: readonly string[]): void {
    if (names.length < 2 || ![...this.#groups].some(({ isAnswered }) => isAnswered)) return;
    const other = this.#newGroup();
    for (const name of names.slice(0, names.length / 2)) {
      const secret = this.#secrets.get(name);
      if (secret === undefined) continue;
      group.delete(name);
      secret.group = other;
      other.add(name);
    }
    for (const each of [group, other]) each.isApart = true;
  }

  #start(group: WaitGroup, signal: AbortSignal): void {
    const running = group.run(signal).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  #wakeFollowers(name: string, afterMs: () => number): void {
    for (const key of this.#secrets.get(name)?.followers ?? []) this.#options.wake(key, afterMs());
  }
}
