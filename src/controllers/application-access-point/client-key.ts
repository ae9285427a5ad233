import { randomBytes } from 'node:crypto';
import type {
  ApplicationAccessPoint,
  ApplicationAccessPointStatus,
  ClientKeyAuthentication,
} from '../../api/v1alpha1/application-access-point.ts';
import type { ClusterApi } from '../../kube/cluster-api.ts';
import type { Clock } from '../../lib/clock.ts';
import { deliverSecret, secretExists } from '../delivered-secret.ts';
import { find, remove, text, type KmsAnswer, type KmsApi } from '../kms-api.ts';

/** Name of the file in the Secret that receives a client key. */
export const clientKeyFileName = 'client-key.json';

const dayMs = 86_400_000;

type Delivery = Pick<ApplicationAccessPointStatus, 'clientKeyId' | 'clientKeyNotAfter' | 'clientKeyDelivered'>;

export interface ClientKeyDependencies {
  cluster: ClusterApi;
  kms: KmsApi;
  clock: Clock;
  /** Makes the key's id durable in the status before the Secret is written. */
  remember(delivery: Delivery): Promise<void>;
}

/**
 * Creates the access point's client key once and delivers its file to the Secret that the object names.
 *
 * The operator cannot read Secrets, so that the Secret exists is learnt from trying to create it. The key's id is in the
 * status before the Secret is written. After a crash in between, a new key is made and the creation tried again: if the
 * name is free, the old key never reached anybody and is deleted; if it is taken, the old key is in it and stays.
 */
export async function deliverClientKey(
  accessPoint: ApplicationAccessPoint,
  dependencies: ClientKeyDependencies,
  signal: AbortSignal,
): Promise<Delivery> {
  const { kms } = dependencies;
  const { clientKeyId, clientKeyNotAfter, clientKeyDelivered } = accessPoint.status ?? {};
  const known =
    clientKeyId === undefined ? undefined : await find(kms, 'GetClientKey', { ClientKeyId: clientKeyId }, signal);
  if (known !== undefined && clientKeyDelivered === true) {
    return { clientKeyId: `${clientKeyId}`, clientKeyNotAfter: `${clientKeyNotAfter}`, clientKeyDelivered: true };
  }
  const made = await createClientKey(accessPoint, dependencies, signal);
  const delivery: Delivery = { clientKeyId: text(made, 'ClientKeyId'), clientKeyNotAfter: text(made, 'NotAfter') };
  if (known === undefined) await dependencies.remember({ ...delivery, clientKeyDelivered: false });
  if (await createSecret(accessPoint, made, dependencies.cluster, signal)) {
    if (known !== undefined) await deleteClientKey(kms, accessPoint.metadata.name, text(known, 'ClientKeyId'), signal);
    return { ...delivery, clientKeyDelivered: true };
  }
  await deleteClientKey(kms, accessPoint.metadata.name, text(made, 'ClientKeyId'), signal);
  if (known !== undefined) {
    return {
      clientKeyId: text(known, 'ClientKeyId'),
      clientKeyNotAfter: text(known, 'NotAfter'),
      clientKeyDelivered: true,
    };
  }
  throw secretExists(clientKeyOf(accessPoint).secretRef, 'spec.authentication.clientKey.secretRef');
}

/** The password goes to KMS, where only a pod that the access point lists can read it, and is forgotten here. */
async function createClientKey(
  accessPoint: ApplicationAccessPoint,
  { kms, clock }: ClientKeyDependencies,
  signal: AbortSignal,
): Promise<KmsAnswer> {
  const AapName = accessPoint.metadata.name;
  const validityDays = clientKeyOf(accessPoint).validityDays ?? 365;
  const password = `${randomBytes(24).toString('base64url')}aA1-`;
  const made = await kms.call(
    'CreateClientKey',
    {
      AapName,
      Password: password,
      NotBefore: isoSeconds(clock.now()),
      NotAfter: isoSeconds(clock.now() + validityDays * dayMs),
    },
    signal,
  );
  const SecretName = passwordSecretName(AapName, text(made, 'ClientKeyId'));
  await kms.call('CreateSecret', { SecretName, SecretData: password, VersionId: 'v1' }, signal);
  return made;
}

function clientKeyOf({ spec }: ApplicationAccessPoint): ClientKeyAuthentication {
  const { clientKey } = spec.authentication;
  if (clientKey === undefined) throw new Error('an access point by role has no client key to deliver');
  return clientKey;
}

function createSecret(
  accessPoint: ApplicationAccessPoint,
  made: KmsAnswer,
  cluster: ClusterApi,
  signal: AbortSignal,
): Promise<boolean> {
  const file = JSON.stringify({ KeyId: text(made, 'ClientKeyId'), PrivateKeyData: text(made, 'PrivateKeyData') });
  const secret = {
    ref: clientKeyOf(accessPoint).secretRef,
    type: 'kaap.dev/client-key',
    entries: { [clientKeyFileName]: file },
  };
  return deliverSecret(cluster, accessPoint, secret, signal);
}

/** Deletes every client key of an access point, and the passwords that open them. */
export async function deleteClientKeys(kms: KmsApi, accessPoint: string, signal: AbortSignal): Promise<void> {
  const answer = await find(kms, 'ListClientKeys', { AapName: accessPoint }, signal);
  const keys = answer?.['ClientKeys'];
  if (!Array.isArray(keys)) return;
  for (const key of keys as KmsAnswer[]) await deleteClientKey(kms, accessPoint, text(key, 'ClientKeyId'), signal);
}

async function deleteClientKey(kms: KmsApi, accessPoint: string, id: string, signal: AbortSignal): Promise<void> {
  await remove(kms, 'DeleteClientKey', { ClientKeyId: id }, signal);
  const SecretName = passwordSecretName(accessPoint, id);
  await remove(kms, 'DeleteSecret', { SecretName, ForceDeleteWithoutRecovery: 'true' }, signal);
}

/** Where the password of a client key is kept in KMS. */
export function passwordSecretName(accessPoint: string, clientKeyId: string): string {
  return `kaap/client-key/${accessPoint}/${clientKeyId}`;
}

function isoSeconds(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
