import { kmsKeyType, type KmsKey } from '../../api/v1alpha1/kms-key.ts';
import { kmsSecretType, type KmsSecret, type KmsSecretStatus } from '../../api/v1alpha1/kms-secret.ts';
import type { ClusterApi } from '../../kube/cluster-api.ts';
import type { Check } from '../check.ts';
import { find, remove, tagList, text, type KmsAnswer, type KmsApi } from '../kms-api.ts';
import type { Lifecycle } from '../lifecycle.ts';

interface Gathered {
  secret: KmsSecret;
  inKms: KmsAnswer | undefined;
  /** The object that spec.encryptionKey names. */
  encryptionKey: KmsKey | undefined;
}

const encryptionKeyIsReady: Check<Gathered> = ({ secret, encryptionKey }) => {
  const name = secret.spec.encryptionKey?.name;
  if (name === undefined || encryptionKey?.status?.keyId !== undefined) return undefined;
  const why = encryptionKey === undefined ? 'does not exist' : 'has no key yet';
  return {
    reason: 'EncryptionKeyNotReady',
    message: `spec.encryptionKey names the KmsKey ${name} of this namespace, which ${why}. Create it, or look at its conditions.`,
    requeueAfterMs: 5_000,
  };
};

const hasAValue: Check<Gathered> = ({ secret, inKms }) => {
  if (inKms !== undefined || secret.spec.generate !== undefined) return undefined;
  const name = secretName(secret);
  return {
    reason: 'NoValue',
    message: `The secret ${name} does not exist in KMS yet. Put its value (kaap secret put ${name}), or let spec.generate make one.`,
    requeueAfterMs: 10_000,
  };
};

/** Keeps a secret of KMS in being. Its value is made inside KMS or put by people; the operator never holds it. */
export function kmsSecretLifecycle(kms: KmsApi, cluster: ClusterApi): Lifecycle<KmsSecret, Gathered> {
  return {
    resource: kmsSecretType,
    fieldManager: 'kaap-kms-secret',
    holds: (secret) => secret.spec.deletionPolicy === 'Delete',
    gather: async (secret, { signal }) => ({
      secret,
      inKms: await find(kms, 'DescribeSecret', { SecretName: secretName(secret) }, signal),
      encryptionKey: await encryptionKeyOf(cluster, secret, signal),
    }),
    checks: [encryptionKeyIsReady, hasAValue],
    act: async (secret, gathered, { signal }) => {
      if (gathered.inKms === undefined) await create(kms, gathered, signal);
      else await settleDescription(kms, secret, gathered.inKms, signal);
      const described = await kms.call('DescribeSecret', { SecretName: secretName(secret) }, signal);
      const status: KmsSecretStatus = { secretName: secretName(secret), secretArn: text(described, 'Arn') };
      return { status, message: `The secret ${secretName(secret)} exists.` };
    },
    release: async (secret, { signal }) => {
      const { recoveryWindowDays } = secret.spec;
      const parameters = { SecretName: secretName(secret), RecoveryWindowInDays: `${recoveryWindowDays}` };
      await remove(kms, 'DeleteSecret', parameters, signal);
      return undefined;
    },
  };
}

/** Name in KMS: `<namespace>/<name>`, so that no object reaches into another namespace. */
export function secretName(secret: KmsSecret): string {
  return `${secret.metadata.namespace}/${secret.spec.name ?? secret.metadata.name}`;
}

async function encryptionKeyOf(
  cluster: ClusterApi,
  secret: KmsSecret,
  signal: AbortSignal,
): Promise<KmsKey | undefined> {
  const name = secret.spec.encryptionKey?.name;
  if (name === undefined) return undefined;
  return cluster.get(kmsKeyType, { namespace: secret.metadata.namespace, name }, { signal });
}

async function create(kms: KmsApi, { secret, encryptionKey }: Gathered, signal: AbortSignal): Promise<void> {
  const { description = '', instanceId, generate, tags } = secret.spec;
  await kms.call(
    'CreateSecret',
    {
      SecretName: secretName(secret),
      VersionId: 'v1',
      Description: description,
      SecretDataGenerator: JSON.stringify(generatorParameters({ ...generate })),
      ...(instanceId === undefined ? {} : { DKMSInstanceId: instanceId }),
      ...(encryptionKey?.status?.keyId === undefined ? {} : { EncryptionKeyId: encryptionKey.status.keyId }),
      ...(tags === undefined ? {} : { Tags: tagList(tags) }),
    },
    signal,
  );
}

/** The object's generator in the spelling of GetRandomPassword's parameters. */
function generatorParameters(generate: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(generate).map(([field, value]) => [
    field === 'length' ? 'PasswordLength' : `${field.charAt(0).toUpperCase()}${field.slice(1)}`,
    String(value),
  ]);
  return Object.fromEntries(entries) as Record<string, string>;
}

async function settleDescription(kms: KmsApi, secret: KmsSecret, inKms: KmsAnswer, signal: AbortSignal): Promise<void> {
  const Description = secret.spec.description ?? '';
  if (text(inKms, 'Description') === Description) return;
  await kms.call('UpdateSecret', { SecretName: secretName(secret), Description }, signal);
}
