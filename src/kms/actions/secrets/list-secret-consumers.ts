import { z } from 'zod';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { secretReference } from '../../parameters.ts';
import type { SecretConsumer } from '../../records/secret-consumers.ts';
import { loadSecret } from '../../secret-lookup.ts';
import { isoSeconds } from '../../time-format.ts';
import { secretAction } from './secret-action.ts';

/**
 * Kaap's own: who reads the value of a secret, the last to read first, and since when that is known. Of other replicas it
 * knows what they merged, at most a minute ago. Also works for a secret about to be deleted.
 */
export function listSecretConsumers(dependencies: KmsDependencies): AnyAction {
  return secretAction(dependencies, {
    name: 'ListSecretConsumers',
    input: z.object({ SecretName: secretReference() }),
    run: async (found) => {
      const secret = await loadSecret(dependencies.store, found);
      const reads = await dependencies.consumers.of(secret, dependencies.clock.now());
      return {
        SecretName: secret.name,
        ObservedSince: isoSeconds(reads.since),
        LastUsedTime: reads.count === 0 ? '' : isoSeconds(reads.lastTime),
        ReadCount: reads.count,
        Complete: reads.complete,
        DroppedConsumers: reads.dropped,
        Consumers: { Consumer: reads.consumers.map(consumerFields) },
      };
    },
  });
}

function consumerFields({ principal, pod, firstTime, lastTime, count }: SecretConsumer): Record<string, unknown> {
  return {
    Principal: principal,
    Namespace: pod?.namespace ?? '',
    ServiceAccount: pod?.serviceAccount ?? '',
    PodName: pod?.name ?? '',
    FirstUsedTime: isoSeconds(firstTime),
    LastUsedTime: isoSeconds(lastTime),
    ReadCount: count,
  };
}
