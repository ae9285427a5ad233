import { isReady } from '../api/condition.ts';
import type { ApplicationAccessPoint } from '../api/v1alpha1/application-access-point.ts';
import type { KmsInstance } from '../api/v1alpha1/kms-instance.ts';
import type { KmsKey } from '../api/v1alpha1/kms-key.ts';
import type { KmsSecret } from '../api/v1alpha1/kms-secret.ts';
import type { NetworkRule } from '../api/v1alpha1/network-rule.ts';
import { ramNameOf, type PolicyAttachmentReference } from '../api/v1alpha1/ram-fields.ts';
import type { RamPolicy } from '../api/v1alpha1/ram-policy.ts';
import type { RamRole } from '../api/v1alpha1/ram-role.ts';
import type { RbacPolicy } from '../api/v1alpha1/rbac-policy.ts';
import type { SecretBinding } from '../api/v1alpha1/secret-binding.ts';
import { keyOf, type KubeObject, type ObjectKey } from '../kube/resource.ts';
import type { StoreReader } from '../kube/store.ts';
import { secretName } from './kms-secret/name.ts';
import { agentFailure } from './pod-report/reconcile.ts';
import { isBound, type Pod } from './pod.ts';

/** Whom a change of an object concerns: keys of the objects of another kind that are to be looked at. */

function* keysWhere<T extends KubeObject>(store: StoreReader<T>, holds: (object: T) => boolean): Generator<ObjectKey> {
  for (const object of store.list()) if (holds(object)) yield keyOf(object);
}

export function policiesNaming(rule: NetworkRule, policies: StoreReader<RbacPolicy>): Iterable<ObjectKey> {
  return keysWhere(policies, ({ spec }) => spec.networkRules?.includes(rule.metadata.name) === true);
}

interface PolicyHolder extends KubeObject {
  spec: { policies?: PolicyAttachmentReference[] };
}

export function holdersOfPolicy(policy: RamPolicy, holders: StoreReader<PolicyHolder>): Iterable<ObjectKey> {
  const name = ramNameOf(policy);
  return keysWhere(holders, ({ spec }) => spec.policies?.some((attached) => attached.name === name) === true);
}

export function accessPointsNaming(
  policy: RbacPolicy,
  points: StoreReader<ApplicationAccessPoint>,
): Iterable<ObjectKey> {
  return keysWhere(points, ({ spec }) => spec.policies.includes(policy.metadata.name));
}

export function accessPointsOfRole(role: RamRole, points: StoreReader<ApplicationAccessPoint>): Iterable<ObjectKey> {
  return keysWhere(points, ({ spec }) => spec.authentication.ramRole?.roleName === ramNameOf(role));
}

/** The access points that list the service account of a pod whose agent was not given its secrets: they may say why. */
export function accessPointsThatRefused(pod: Pod, points: StoreReader<ApplicationAccessPoint>): Iterable<ObjectKey> {
  if (agentFailure(pod) === undefined) return [];
  const { metadata, spec } = pod;
  return keysWhere(points, (point) => {
    const { ramRole, clientKey } = point.spec.authentication;
    const listed = (ramRole ?? clientKey)?.serviceAccounts ?? [];
    return listed.some(
      ({ namespace, name }) => namespace === metadata.namespace && name === (spec.serviceAccountName ?? 'default'),
    );
  });
}

/** Keys of an instance that are Ready while it is not, or the other way round: those that its change concerns. */
export function keysOutOfStepWith(instance: KmsInstance, keys: StoreReader<KmsKey>): Iterable<ObjectKey> {
  const { instanceId } = instance.spec;
  if (instanceId === undefined) return [];
  return keysWhere(keys, (key) => key.spec.instanceId === instanceId && isReady(key) !== isReady(instance));
}

export function secretsEncryptedBy(key: KmsKey, secrets: StoreReader<KmsSecret>): Iterable<ObjectKey> {
  const { namespace, name } = key.metadata;
  return keysWhere(
    secrets,
    ({ metadata, spec }) => metadata.namespace === namespace && spec.encryptionKey?.name === name,
  );
}

export function bindingsThrough({ metadata }: KubeObject, bindings: StoreReader<SecretBinding>): Iterable<ObjectKey> {
  return bindings.byIndex('accessPoint', metadata.name).map(keyOf);
}

export function bindingsUnder(
  policy: RbacPolicy,
  points: StoreReader<ApplicationAccessPoint>,
  bindings: StoreReader<SecretBinding>,
): Iterable<ObjectKey> {
  return [...accessPointsNaming(policy, points)].flatMap((name) => bindings.byIndex('accessPoint', name).map(keyOf));
}

/** Those that name the secret; a binding of another namespace may, and its access point then decides. */
export function bindingsNaming(secret: KmsSecret, bindings: StoreReader<SecretBinding>): Iterable<ObjectKey> {
  const name = secretName(secret);
  const names = ({ spec }: SecretBinding): boolean => spec.sources.some((source) => source.secret?.name === name);
  return bindings
    .byIndex('namespace', secret.metadata.namespace ?? '')
    .filter(names)
    .map(keyOf);
}

export function bindingsTaking(pod: Pod, bindings: StoreReader<SecretBinding>): Iterable<ObjectKey> {
  const inNamespace = bindings.byIndex('namespace', pod.metadata.namespace ?? '');
  return inNamespace.filter((binding) => isBound(pod, binding)).map(keyOf);
}

export function podsOfNamespace({ metadata }: KubeObject, pods: StoreReader<Pod>): Iterable<ObjectKey> {
  return pods.byIndex('namespace', metadata.namespace ?? '').map(keyOf);
}
