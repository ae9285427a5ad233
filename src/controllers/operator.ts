import { applicationAccessPointType, type ApplicationAccessPoint } from '../api/v1alpha1/application-access-point.ts';
import { kmsKeyType, type KmsKey } from '../api/v1alpha1/kms-key.ts';
import { kmsSecretType, type KmsSecret } from '../api/v1alpha1/kms-secret.ts';
import { networkRuleType, type NetworkRule } from '../api/v1alpha1/network-rule.ts';
import { ramNameOf, type PolicyAttachmentReference } from '../api/v1alpha1/ram-fields.ts';
import { ramPolicyType, type RamPolicy } from '../api/v1alpha1/ram-policy.ts';
import { ramRoleType, type RamRole } from '../api/v1alpha1/ram-role.ts';
import { rbacPolicyType, type RbacPolicy } from '../api/v1alpha1/rbac-policy.ts';
import type { SecretBinding } from '../api/v1alpha1/secret-binding.ts';
import type { Random } from '../kube/backoff.ts';
import type { ClusterApi } from '../kube/cluster-api.ts';
import {
  Controller,
  relate,
  specOrMetadataChanged,
  type ControllerMetrics,
  type RelatedResource,
} from '../kube/controller.ts';
import type { Reflectors } from '../kube/reflectors.ts';
import { keyOf, type KubeObject, type ObjectKey } from '../kube/resource.ts';
import type { StoreReader } from '../kube/store.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { accessPointLifecycle } from './application-access-point/lifecycle.ts';
import { kmsInstanceLifecycle } from './kms-instance/lifecycle.ts';
import { kmsKeyLifecycle } from './kms-key/lifecycle.ts';
import { kmsSecretLifecycle } from './kms-secret/lifecycle.ts';
import type { KmsApi } from './kms-api.ts';
import { reconcilerOf, type ConditionedObject, type Lifecycle } from './lifecycle.ts';
import { networkRuleLifecycle } from './network-rule/lifecycle.ts';
import { injectedPods, podType, type Pod } from './pod.ts';
import { namespaceType } from './ownership.ts';
import { podReportReconciler, type RecordEvent } from './pod-report/reconcile.ts';
import { ramPolicyLifecycle } from './ram-policy/lifecycle.ts';
import { ramRoleLifecycle } from './ram-role/lifecycle.ts';
import { ramUserLifecycle } from './ram-user/lifecycle.ts';
import { rbacPolicyLifecycle } from './rbac-policy/lifecycle.ts';
import { secretBindingLifecycle, selects } from './secret-binding/lifecycle.ts';

export interface OperatorOptions {
  cluster: ClusterApi;
  kms: KmsApi;
  /** The actions of RAM, by the same endpoint. */
  ram: KmsApi;
  reflectors: Reflectors;
  recordEvent: RecordEvent;
  clock: Clock;
  random: Random;
  /** Between two looks for drift; ten minutes unless given. */
  driftIntervalMs?: number;
  log: Logger;
  metrics?: ControllerMetrics;
}

/** Anything that runs until its signal fires. */
export interface Runnable {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}

/** The controllers of all kinds. They share the reflectors' stores and nothing else. */
export function createControllers(options: OperatorOptions): readonly Runnable[] {
  const { kms, cluster, reflectors } = options;
  const stores = {
    accessPoints: reflectors.store<ApplicationAccessPoint>(applicationAccessPointType),
    policies: reflectors.store<RbacPolicy>(rbacPolicyType),
    pods: reflectors.store<Pod>(podType, injectedPods),
    namespaces: reflectors.store(namespaceType, metadataOnly),
  };
  const namespaces = relate(namespaceType, nothing, metadataOnly);
  return [
    controllerOf('kms-instance', kmsInstanceLifecycle(kms), options),
    controllerOf('network-rule', networkRuleLifecycle(kms), options),
    controllerOf('rbac-policy', rbacPolicyLifecycle(kms), options, [relate(networkRuleType, policiesNaming)]),
    controllerOf('ram-policy', ramPolicyLifecycle(options.ram), options),
    controllerOf('ram-role', ramRoleLifecycle(options.ram), options, [relate(ramPolicyType, holdersOfPolicy)]),
    controllerOf('ram-user', ramUserLifecycle(options), options, [relate(ramPolicyType, holdersOfPolicy)]),
    controllerOf('application-access-point', accessPointLifecycle(options), options, [
      relate(rbacPolicyType, accessPointsNaming),
      relate(ramRoleType, accessPointsOfRole),
    ]),
    controllerOf('kms-key', kmsKeyLifecycle({ kms, ...stores }), options, [namespaces]),
    controllerOf('kms-secret', kmsSecretLifecycle({ kms, cluster, ...stores }), options, [
      relate(kmsKeyType, secretsEncryptedBy),
      namespaces,
    ]),
    controllerOf('secret-binding', secretBindingLifecycle(kms, stores), options, [
      relate(applicationAccessPointType, bindingsThrough),
      relate(rbacPolicyType, (policy: RbacPolicy, bindings: StoreReader<SecretBinding>) =>
        bindingsUnder(policy, stores.accessPoints, bindings),
      ),
      relate(kmsSecretType, bindingsOfNamespace),
      relate(podType, bindingsSelecting, injectedPods),
    ]),
    podReporter(options),
  ];
}

/** Selects nothing less than every object, and of each only the metadata. */
const metadataOnly = { metadataOnly: true };

/** For a kind that a controller reads and is not woken by. */
const nothing = (): Iterable<ObjectKey> => [];

function controllerOf<T extends ConditionedObject, Input>(
  name: string,
  lifecycle: Lifecycle<T, Input>,
  options: OperatorOptions,
  related: readonly RelatedResource<T>[] = [],
): Controller<T> {
  const { reflectors, log, clock, metrics } = options;
  return new Controller<T>({
    name,
    primary: lifecycle.resource,
    related,
    reconcile: reconcilerOf(lifecycle, options),
    changed: specOrMetadataChanged,
    reflectors,
    log,
    clock,
    ...(metrics === undefined ? {} : { metrics }),
  });
}

function podReporter({ reflectors, recordEvent, log, clock }: OperatorOptions): Controller<Pod> {
  return new Controller<Pod>({
    name: 'pod-report',
    primary: podType,
    select: injectedPods,
    reconcile: podReportReconciler(recordEvent, clock),
    reflectors,
    log,
    clock,
  });
}

function* keysWhere<T extends KubeObject>(store: StoreReader<T>, holds: (object: T) => boolean): Generator<ObjectKey> {
  for (const object of store.list()) if (holds(object)) yield keyOf(object);
}

function policiesNaming(rule: NetworkRule, policies: StoreReader<RbacPolicy>): Iterable<ObjectKey> {
  return keysWhere(policies, ({ spec }) => spec.networkRules?.includes(rule.metadata.name) === true);
}

interface PolicyHolder extends KubeObject {
  spec: { policies?: PolicyAttachmentReference[] };
}

function holdersOfPolicy(policy: RamPolicy, holders: StoreReader<PolicyHolder>): Iterable<ObjectKey> {
  const name = ramNameOf(policy);
  return keysWhere(holders, ({ spec }) => spec.policies?.some((attached) => attached.name === name) === true);
}

function accessPointsNaming(policy: RbacPolicy, points: StoreReader<ApplicationAccessPoint>): Iterable<ObjectKey> {
  return keysWhere(points, ({ spec }) => spec.policies.includes(policy.metadata.name));
}

function accessPointsOfRole(role: RamRole, points: StoreReader<ApplicationAccessPoint>): Iterable<ObjectKey> {
  return keysWhere(points, ({ spec }) => spec.authentication.ramRole?.roleName === ramNameOf(role));
}

function secretsEncryptedBy(key: KmsKey, secrets: StoreReader<KmsSecret>): Iterable<ObjectKey> {
  const { namespace, name } = key.metadata;
  return keysWhere(
    secrets,
    ({ metadata, spec }) => metadata.namespace === namespace && spec.encryptionKey?.name === name,
  );
}

function bindingsThrough(point: ApplicationAccessPoint, bindings: StoreReader<SecretBinding>): Iterable<ObjectKey> {
  return keysWhere(bindings, ({ spec }) => spec.accessPoint === point.metadata.name);
}

function bindingsUnder(
  policy: RbacPolicy,
  points: StoreReader<ApplicationAccessPoint>,
  bindings: StoreReader<SecretBinding>,
): Iterable<ObjectKey> {
  const named = new Set(accessPointsNaming(policy, points));
  return keysWhere(bindings, ({ spec }) => named.has(spec.accessPoint));
}

function bindingsOfNamespace(secret: KmsSecret, bindings: StoreReader<SecretBinding>): Iterable<ObjectKey> {
  return keysWhere(bindings, ({ metadata }) => metadata.namespace === secret.metadata.namespace);
}

function bindingsSelecting(pod: Pod, bindings: StoreReader<SecretBinding>): Iterable<ObjectKey> {
  return keysWhere(bindings, (binding) => selects(binding, pod));
}
