import type { KmsSecretStatus, SecretConsumer } from '../../api/v1alpha1/kms-secret.ts';
import type { SecretReads } from '../secret-consumers.ts';

/** Consumers that the status names; the rest is a number. */
const maxNamed = 16;

/** A time of the status moves by no less, in milliseconds: a secret in use would be written at every look else. */
const grainMs = 3_600_000;

type ConsumerStatus = Pick<KmsSecretStatus, 'consumers' | 'otherConsumers' | 'lastUsedTime' | 'usesKnownSince'>;

/**
 * Who uses the secret, the last to read first: pods by their service account, others by their principal. What the status said
 * before stays where it is no older than an hour less than the truth.
 */
export function consumerStatus(reads: SecretReads | undefined, before: ConsumerStatus | undefined): ConsumerStatus {
  if (reads === undefined) return {};
  const all = [...Map.groupBy(reads.Consumers.Consumer, nameOf)].map(([name, entries]) => ({
    name,
    pods: new Set(entries.map(({ PodName }) => PodName).filter((pod) => pod !== '')).size,
    lastUsedTime: steady(
      latest(entries.map(({ LastUsedTime }) => LastUsedTime)),
      before?.consumers?.find((consumer) => consumer.name === name)?.lastUsedTime,
    ),
  }));
  const consumers = all.toSorted(byTime).slice(0, maxNamed).map(withoutZero);
  const others = all.length - consumers.length + reads.DroppedConsumers;
  return {
    usesKnownSince: reads.ObservedSince,
    ...(reads.LastUsedTime !== '' && { lastUsedTime: steady(reads.LastUsedTime, before?.lastUsedTime) }),
    ...(consumers.length > 0 && { consumers }),
    ...(others > 0 && { otherConsumers: others }),
  };
}

type Reader = SecretReads['Consumers']['Consumer'][number];

function nameOf({ Namespace, ServiceAccount, Principal }: Reader): string {
  return ServiceAccount === '' ? Principal : `system:serviceaccount:${Namespace}:${ServiceAccount}`;
}

function latest(times: readonly string[]): string {
  return times.reduce((a, b) => (Date.parse(a) > Date.parse(b) ? a : b));
}

function steady(now: string, before: string | undefined): string {
  const movedMs = Date.parse(now) - Date.parse(before ?? '');
  return before !== undefined && movedMs >= 0 && movedMs < grainMs ? before : now;
}

function byTime(a: Required<SecretConsumer>, b: Required<SecretConsumer>): number {
  return Date.parse(b.lastUsedTime) - Date.parse(a.lastUsedTime) || (a.name < b.name ? -1 : 1);
}

function withoutZero({ pods, ...consumer }: Required<SecretConsumer>): SecretConsumer {
  return pods === 0 ? consumer : { ...consumer, pods };
}
