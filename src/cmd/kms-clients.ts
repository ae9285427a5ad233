import { KmsClient, type KmsClientOptions } from '../client/kms-client.ts';
import { createTransport } from '../client/transport.ts';
import type { KmsApi } from '../controllers/kms-api.ts';
import { waitDeadlineMs } from '../controllers/rollout/wait-group.ts';

/** A call for each 32 secrets that bindings follow. More of them than connections wait for their turn, and then give up. */
const maxSockets = 1024;

/** A client of the same KMS for calls that wait: each holds a connection for half a minute, and none of the other calls'. */
export function clientThatWaits(options: KmsClientOptions): KmsClient {
  return new KmsClient({
    ...options,
    deadlineMs: waitDeadlineMs,
    transport: createTransport({ ...options, maxSockets }),
  });
}

/** What controllers call: the actions of one product, over a client. */
export function apiOf(client: KmsClient, product: 'Kms' | 'Ram'): KmsApi {
  return { call: (action, parameters, signal) => client.call(product, action, parameters, { signal }) };
}
