import { selectorText } from '../../api/label-selector.ts';
import type { ApplicationAccessPoint } from '../../api/v1alpha1/application-access-point.ts';
import type { RbacPolicy } from '../../api/v1alpha1/rbac-policy.ts';
import { secretBindingType, type SecretBinding } from '../../api/v1alpha1/secret-binding.ts';
import { keyOf, type ObjectKey } from '../../kube/resource.ts';
import type { StoreReader } from '../../kube/store.ts';
import type { Clock } from '../../lib/clock.ts';
import type { KmsApi } from '../kms-api.ts';
import type { ConditionReport, Lifecycle } from '../lifecycle.ts';
import { isBound, isInjected, isOver, type Pod } from '../pod.ts';
import { bindingChecks, type BindingInput } from './checks.ts';
import { SecretDirectory } from './secret-directory.ts';
import { askValuesReadTime } from './values-age.ts';

/** What a binding refers to, as the controller's stores have it. */
export interface BindingStores {
  accessPoints: StoreReader<ApplicationAccessPoint>;
  policies: StoreReader<RbacPolicy>;
  pods: StoreReader<Pod>;
  /** The condition RolledOut of bindings whose rollouts this process has seen. */
  rollouts: ReadonlyMap<ObjectKey, ConditionReport>;
}

/** Tells whether a binding can be used. It holds no KMS state: pods fetch with their own identity. */
export function secretBindingLifecycle(
  kms: KmsApi,
  clock: Pick<Clock, 'monotonic'>,
  stores: BindingStores,
): Lifecycle<SecretBinding, BindingInput> {
  const secrets = new SecretDirectory(kms, clock);
  return {
    resource: secretBindingType,
    fieldManager: 'kaap-secret-binding',
    holds: () => false,
    gather: async (binding, { signal }) => {
      const accessPoint = stores.accessPoints.get(binding.spec.accessPoint);
      const bound = boundPods(binding, stores.pods);
      const policies = (accessPoint?.spec.policies ?? []).map((name) => stores.policies.get(name));
      return {
        binding,
        accessPoint,
        policies: policies.filter((policy) => policy !== undefined),
        missingSources: await missingSources(secrets, binding, signal),
        ...podsOf(bound),
        valuesReadTime: await askValuesReadTime(kms, binding, bound, signal),
      };
    },
    checks: bindingChecks,
    act: (binding, input) => {
      const { accessPoint, sources } = binding.spec;
      const arn = input.accessPoint?.status?.arn;
      const { valuesReadTime } = input;
      return Promise.resolve({
        status: {
          ...(arn === undefined ? {} : { accessPoint: arn }),
          resolvedSources: sources.map(({ name }) => name),
          ...(valuesReadTime === undefined ? {} : { valuesReadTime }),
        },
        message: `Pods get ${sources.length} source${sources.length === 1 ? '' : 's'} through ${accessPoint}.`,
        conditions: [podsSelected(input), podsInjected(input), ...rolloutOf(binding, stores.rollouts)],
        dropConditions: isRolledOut(binding) ? [] : ['RolledOut'],
      });
    },
  };
}

async function missingSources(
  secrets: SecretDirectory,
  binding: SecretBinding,
  signal: AbortSignal,
): Promise<BindingInput['missingSources']> {
  const named = binding.spec.sources.flatMap(({ name, secret }) =>
    secret === undefined ? [] : [{ source: name, secret: secret.name }],
  );
  const isThere = await Promise.all(named.map(({ secret }) => secrets.has(secret, signal)));
  return named.filter((_source, index) => isThere[index] === false);
}

function boundPods(binding: SecretBinding, pods: StoreReader<Pod>): Pod[] {
  return pods.byIndex('namespace', binding.metadata.namespace ?? '').filter((pod) => isBound(pod, binding));
}

function podsOf(bound: readonly Pod[]): Pick<BindingInput, 'selectedPods' | 'uninjectedPods'> {
  const uninjected = bound.filter((pod) => !isOver(pod) && !isInjected(pod));
  return { selectedPods: bound.length, uninjectedPods: uninjected.map(({ metadata }) => metadata.name) };
}

function isRolledOut({ spec }: SecretBinding): boolean {
  return (spec.refresh?.onChange ?? 'None') !== 'None';
}

function rolloutOf(binding: SecretBinding, rollouts: BindingStores['rollouts']): ConditionReport[] {
  const report = rollouts.get(keyOf(binding));
  return report === undefined || !isRolledOut(binding) ? [] : [report];
}

function podsSelected({ binding, selectedPods }: BindingInput): ConditionReport {
  const selector = selectorText(binding.spec.podSelector);
  if (selectedPods > 0) {
    const message = `The selector (${selector}) takes pods of this namespace.`;
    return { type: 'PodsSelected', status: 'True', reason: 'PodsFound', message };
  }
  return {
    type: 'PodsSelected',
    status: 'False',
    reason: 'NoPodSelected',
    message: `No pod of this namespace with the label kaap.dev/inject=true is taken by the selector (${selector}). Correct spec.podSelector or the labels of the pods; a workload not started yet looks the same.`,
  };
}

/** Names of pods in a message; the rest is a number. */
const maxNamed = 5;

function podsInjected({ uninjectedPods }: BindingInput): ConditionReport {
  if (uninjectedPods.length === 0) {
    const message = 'No pod that this binding takes runs without the agent.';
    return { type: 'PodsInjected', status: 'True', reason: 'AllInjected', message };
  }
  const more = uninjectedPods.length > maxNamed ? ` and ${uninjectedPods.length - maxNamed} more` : '';
  const names = uninjectedPods.toSorted().slice(0, maxNamed).join(', ');
  return {
    type: 'PodsInjected',
    status: 'False',
    reason: 'NotInjected',
    message: `The pods ${names}${more} run without these secrets: they did not go through the webhook. Those that a workload owns are evicted and made again; delete the others and create them anew.`,
  };
}
