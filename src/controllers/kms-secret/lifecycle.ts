import { kmsKeyType, type KmsKey } from '../../api/v1alpha1/kms-key.ts';
import { kmsSecretType, type KmsSecret, type KmsSecretStatus } from '../../api/v1alpha1/kms-secret.ts';
import type { ClusterApi } from '../../kube/cluster-api.ts';
import type { KubeObject } from '../../kube/resource.ts';
import type { StoreReader } from '../../kube/store.ts';
import type { Check } from '../check.ts';
import { find, remove, tagList, text, type KmsAnswer, type KmsApi } from '../kms-api.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { currentVersion } from '../current-version.ts';
import { readsOf } from '../secret-consumers.ts';
import { handOverAdvice, ownerOf, ownerTag, settleTags, tagsOf, wantedTags } from '../ownership.ts';
import { consumerStatus } from './consumers.ts';
import { secretName } from './name.ts';
import { generatorText, rotationAdvice, rotationParameters, rotationStatus, settleRotation } from './rotation.ts';

interface Gathered {
  secret: KmsSecret;
  inKms: KmsAnswer | undefined;
  /** The object that spec.encryptionKey names. */
  encryptionKey: KmsKey | undefined;
  /** Value of the tag that marks the secret as this object's. */
  owner: string;
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

const isOurs: Check<Gathered> = ({ secret, inKms, owner }) => {
  const tagged = tagsOf(inKms)[ownerTag];
  const mayBeTaken = tagged === undefined && text(inKms ?? {}, 'PlannedDeleteTime') === '';
  if (inKms === undefined || tagged === owner || mayBeTaken) return undefined;
  const name = secretName(secret);
  return tagged === undefined
    ? {
        reason: 'SecretPendingDeletion',
        message: `The secret ${name} is about to be deleted, and this object did not make it. Restore it (kaap call RestoreSecret SecretName=${name}), or wait until it is gone.`,
        requeueAfterMs: 60_000,
      }
    : {
        reason: 'SecretTaken',
        message: `The secret ${name} belongs to another object, or to one of an earlier namespace of this name. Choose another spec.name. ${handOverAdvice(`SecretName=${name}`, owner)}`,
        requeueAfterMs: 60_000,
      };
};

export interface KmsSecretDependencies {
  kms: KmsApi;
  cluster: ClusterApi;
  namespaces: StoreReader<KubeObject>;
}

/** Keeps a secret of KMS in being. Its value is made inside KMS or put by people; the operator never holds it. */
export function kmsSecretLifecycle(dependencies: KmsSecretDependencies): Lifecycle<KmsSecret, Gathered> {
  const { kms, cluster, namespaces } = dependencies;
  return {
    resource: kmsSecretType,
    fieldManager: 'kaap-kms-secret',
    holds: (secret) => secret.spec.deletionPolicy === 'Delete',
    gather: async (secret, { signal }) => ({
      secret,
      inKms: await find(kms, 'DescribeSecret', { SecretName: secretName(secret), FetchTags: true }, signal),
      encryptionKey: await encryptionKeyOf(cluster, secret, signal),
      owner: ownerOf(secret, namespaces),
    }),
    checks: [isOurs, encryptionKeyIsReady, hasAValue],
    act: async (secret, gathered, { signal }) => {
      if (gathered.inKms === undefined) await create(kms, gathered, signal);
      else await settle(kms, gathered, gathered.inKms, signal);
      const described = await kms.call('DescribeSecret', { SecretName: secretName(secret) }, signal);
      const status: KmsSecretStatus = {
        secretName: secretName(secret),
        secretArn: text(described, 'Arn'),
        ...(await versionStatus(kms, secret, signal)),
        ...rotationStatus(described),
        ...consumerStatus(await readsOf(kms, secretName(secret), signal), secret.status),
      };
      return { status, message: `The secret ${secretName(secret)} exists.${rotationAdvice(described)}` };
    },
    release: async (secret, { signal }) => {
      const { recoveryWindowDays } = secret.spec;
      const parameters = { SecretName: secretName(secret), RecoveryWindowInDays: `${recoveryWindowDays}` };
      await remove(kms, 'DeleteSecret', parameters, signal);
      return undefined;
    },
  };
}

async function versionStatus(
  kms: KmsApi,
  secret: KmsSecret,
  signal: AbortSignal,
): Promise<Pick<KmsSecretStatus, 'versionId'>> {
  const answer = await kms.call('ListSecretVersionIds', { SecretName: secretName(secret) }, signal);
  const versionId = currentVersion(answer);
  return versionId === undefined ? {} : { versionId };
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

async function create(kms: KmsApi, { secret, encryptionKey, owner }: Gathered, signal: AbortSignal): Promise<void> {
  const { description = '', instanceId, generate, tags } = secret.spec;
  await kms.call(
    'CreateSecret',
    {
      SecretName: secretName(secret),
      VersionId: 'v1',
      Description: description,
      SecretDataGenerator: generatorText(generate ?? {}),
      ...rotationParameters(secret),
      ...(instanceId === undefined ? {} : { DKMSInstanceId: instanceId }),
      ...(encryptionKey?.status?.keyId === undefined ? {} : { EncryptionKeyId: encryptionKey.status.keyId }),
      Tags: tagList(wantedTags(tags, {}, owner)),
    },
    signal,
  );
}

/** Puts back what somebody has changed in KMS. A deletion is undone: the object is there, so the secret is to be. */
async function settle(kms: KmsApi, { secret, owner }: Gathered, inKms: KmsAnswer, signal: AbortSignal): Promise<void> {
  const SecretName = secretName(secret);
  if (text(inKms, 'PlannedDeleteTime') !== '') await kms.call('RestoreSecret', { SecretName }, signal);
  const Description = secret.spec.description ?? '';
  if (text(inKms, 'Description') !== Description) await kms.call('UpdateSecret', { SecretName, Description }, signal);
  await settleRotation(kms, secret, inKms, signal);
  const present = tagsOf(inKms);
  await settleTags(kms, { SecretName }, present, wantedTags(secret.spec.tags, present, owner), signal);
}
