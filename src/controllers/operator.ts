import { applicationAccessPointType, type ApplicationAccessPoint } from '../api/v1alpha1/application-access-point.ts';
import { kmsInstanceType } from '../api/v1alpha1/kms-instance.ts';
import { kmsKeyType } from '../api/v1alpha1/kms-key.ts';
import { kmsSecretType } from '../api/v1alpha1/kms-secret.ts';
import { networkRuleType } from '../api/v1alpha1/network-rule.ts';
import { ramPolicyType } from '../api/v1alpha1/ram-policy.ts';
import { ramRoleType } from '../api/v1alpha1/ram-role.ts';
import { rbacPolicyType, type RbacPolicy } from '../api/v1alpha1/rbac-policy.ts';
import { secretBindingType, type SecretBinding } from '../api/v1alpha1/secret-binding.ts';
import { Controller, relate, specOrMetadataChanged, type RelatedResource } from '../kube/controller.ts';
import type { Reflectors } from '../kube/reflectors.ts';
import type { KubeObject, ObjectKey } from '../kube/resource.ts';
import type { Store, StoreReader } from '../kube/store.ts';
import { accessPointLifecycle } from './application-access-point/lifecycle.ts';
import { injectionRepairer } from './injection-repair/reconcile.ts';
import { kmsInstanceLifecycle } from './kms-instance/lifecycle.ts';
import { kmsKeyLifecycle } from './kms-key/lifecycle.ts';
import { kmsSecretLifecycle } from './kms-secret/lifecycle.ts';
import type { KmsApi } from './kms-api.ts';
import { reconcilerOf, type ConditionedObject, type ConditionReport, type Lifecycle } from './lifecycle.ts';
import { networkRuleLifecycle } from './network-rule/lifecycle.ts';
import { injectedPods, podType, type Pod } from './pod.ts';
import { newVersionRunnables, type NewVersionOptions } from './new-versions.ts';
import { namespaceType } from './ownership.ts';
import { podReportReconciler } from './pod-report/reconcile.ts';
import { ramPolicyLifecycle } from './ram-policy/lifecycle.ts';
import { ramRoleLifecycle } from './ram-role/lifecycle.ts';
import { ramUserLifecycle } from './ram-user/lifecycle.ts';
import { rbacPolicyLifecycle } from './rbac-policy/lifecycle.ts';
import {
  accessPointsNaming,
  accessPointsOfRole,
  accessPointsThatRefused,
  bindingsNaming,
  bindingsTaking,
  bindingsThrough,
  bindingsUnder,
  holdersOfPolicy,
  keysOutOfStepWith,
  podsOfNamespace,
  policiesNaming,
  secretsEncryptedBy,
} from './relations.ts';
import { secretBindingLifecycle } from './secret-binding/lifecycle.ts';

export interface OperatorOptions extends NewVersionOptions {
  /** The actions of RAM, by the same endpoint. */
  ram: KmsApi;
  /** Told how many objects of a kind nobody could look after for an outage. Must not throw. */
  setStale?: (kind: string, objects: number) => void;
  /** Between two looks for drift; ten minutes unless given. */
  driftIntervalMs?: number;
  /** What is done about pods that passed the webhook by; reported and nothing else unless given. */
  repair?: RepairOptions;
}

export interface RepairOptions {
  /** Namespaces whose pods are never injected. */
  exemptNamespaces: readonly string[];
  /** Whether pods are evicted for something to make them again. */
  evicts: boolean;
  setUninjected: (pods: number) => void;
  countRepair: (result: 'evicted' | 'blocked') => void;
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
    pods: podsByNamespace(reflectors),
    bindings: bindingsByReference(reflectors),
    namespaces: reflectors.store(namespaceType, metadataOnly),
    rollouts: new Map<ObjectKey, ConditionReport>(),
  };
  const namespaces = relate(namespaceType, nothing, metadataOnly);
  const secretBindings = controllerOf(
    'secret-binding',
    secretBindingLifecycle(kms, options.clock, stores),
    options,
    [
      relate(applicationAccessPointType, bindingsThrough),
      relate(rbacPolicyType, (policy: RbacPolicy, bindings: StoreReader<SecretBinding>) =>
        bindingsUnder(policy, stores.accessPoints, bindings),
      ),
      relate(kmsSecretType, bindingsNaming),
      relate(podType, bindingsTaking, injectedPods),
    ],
    bindingsAtOnce,
  );
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
      relate(podType, accessPointsThatRefused, injectedPods),
    ]),
    controllerOf('kms-key', kmsKeyLifecycle({ kms, ...stores }), options, [
      relate(kmsInstanceType, keysOutOfStepWith),
      namespaces,
    ]),
    controllerOf('kms-secret', kmsSecretLifecycle({ kms, cluster, ...stores }), options, [
      relate(kmsKeyType, secretsEncryptedBy),
      namespaces,
    ]),
    secretBindings,
    podReporter(options),
    repairer(options, stores.bindings),
    ...newVersionRunnables(options, stores.pods, (key, report) => {
      if (report !== undefined) stores.rollouts.set(key, report);
      else if (!stores.rollouts.delete(key)) return;
      secretBindings.enqueue(key);
    }),
  ];
}

/** There may be ten thousand of them, each with a question to KMS and a write: mostly waiting. */
const bindingsAtOnce = 16;

/** Selects nothing less than every object, and of each only the metadata. */
const metadataOnly = { metadataOnly: true };

/** For a kind that a controller reads and is not woken by. */
const nothing = (): Iterable<ObjectKey> => [];

function controllerOf<T extends ConditionedObject, Input>(
  name: string,
  lifecycle: Lifecycle<T, Input>,
  options: OperatorOptions,
  related: readonly RelatedResource<T>[] = [],
  concurrency = 4,
): Controller<T> {
  const { reflectors, log, clock, metrics } = options;
  return new Controller<T>({
    name,
    concurrency,
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

/** Pods that asked for secrets, to be found by their namespace. */
function podsByNamespace(reflectors: Reflectors): Store<Pod> {
  const pods = reflectors.store<Pod>(podType, injectedPods);
  pods.addIndex('namespace', namespaceIndex);
  return pods;
}

/** Bindings, to be found by their namespace and by the access point that they name: there may be very many. */
function bindingsByReference(reflectors: Reflectors): Store<SecretBinding> {
  const bindings = reflectors.store<SecretBinding>(secretBindingType);
  bindings.addIndex('namespace', namespaceIndex);
  bindings.addIndex('accessPoint', accessPointIndex);
  return bindings;
}

function namespaceIndex({ metadata }: KubeObject): string[] {
  return [metadata.namespace ?? ''];
}

function accessPointIndex({ spec }: SecretBinding): string[] {
  return [spec.accessPoint];
}

function repairer(options: OperatorOptions, bindings: Store<SecretBinding>): Controller<Pod> {
  const { cluster, reflectors, recordEvent, log, clock, random, metrics } = options;
  const {
    exemptNamespaces = [],
    evicts = false,
    setUninjected = noMetric,
    countRepair = noMetric,
  } = options.repair ?? {};
  const repair = { exemptNamespaces: new Set(exemptNamespaces), evicts, setUninjected, countRepair };
  return new Controller<Pod>({
    name: 'injection-repair',
    primary: podType,
    select: injectedPods,
    related: [relate(secretBindingType, podsOfNamespace)],
    reconcile: injectionRepairer({ cluster, bindings, recordEvent, clock, random, ...repair }),
    reflectors,
    log,
    clock,
    ...(metrics === undefined ? {} : { metrics }),
  });
}

const noMetric = (): void => undefined;

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
