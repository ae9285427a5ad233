import type { SecretConsumer } from './records/secret-consumers.ts';

/** Consumers that are kept of a secret. */
export const maxConsumers = 64;

/** Reads of one secret: how many, the last of them, and who read it. */
export interface SecretReads {
  count: number;
  /** Milliseconds since the Unix epoch. */
  lastTime: number;
  /** The last to read first. */
  consumers: SecretConsumer[];
  dropped: number;
}

export const noReads: Readonly<SecretReads> = { count: 0, lastTime: 0, consumers: [], dropped: 0 };

/**
 * Both together. At most `limit` consumers stay, those that read last; so whatever is merged in whatever order, those that
 * stay are the same.
 */
export function mergeReads(left: SecretReads, right: SecretReads, limit: number = maxConsumers): SecretReads {
  const byIdentity = new Map<string, SecretConsumer>();
  for (const consumer of [...left.consumers, ...right.consumers]) {
    const identity = identityOf(consumer);
    const before = byIdentity.get(identity);
    byIdentity.set(identity, before === undefined ? consumer : mergeConsumer(before, consumer));
  }
  const ordered = [...byIdentity.values()].toSorted(lastFirst);
  return {
    count: left.count + right.count,
    lastTime: Math.max(left.lastTime, right.lastTime),
    consumers: ordered.slice(0, limit),
    dropped: left.dropped + right.dropped + Math.max(0, ordered.length - limit),
  };
}

/** A pod is one consumer under whatever session name it comes; whatever is no pod is what its ARN says. */
export function identityOf({ principal, pod }: SecretConsumer): string {
  return JSON.stringify(pod === undefined ? [principal] : [pod.namespace, pod.serviceAccount, pod.name ?? null]);
}

function mergeConsumer(left: SecretConsumer, right: SecretConsumer): SecretConsumer {
  const later = left.lastTime >= right.lastTime ? left : right;
  return {
    ...later,
    firstTime: Math.min(left.firstTime, right.firstTime),
    count: left.count + right.count,
  };
}

function lastFirst(left: SecretConsumer, right: SecretConsumer): number {
  const byTime = right.lastTime - left.lastTime;
  return byTime === 0 ? (identityOf(left) < identityOf(right) ? -1 : 1) : byTime;
}
