import { matchesSelector, selectorText } from '../../api/label-selector.ts';
import type { ApplicationAccessPoint } from '../../api/v1alpha1/application-access-point.ts';
import type { RbacPolicy } from '../../api/v1alpha1/rbac-policy.ts';
import { secretBindingType, type SecretBinding } from '../../api/v1alpha1/secret-binding.ts';
import type { StoreReader } from '../../kube/store.ts';
import { find, type KmsApi } from '../kms-api.ts';
import type { ConditionReport, Lifecycle } from '../lifecycle.ts';
import type { Pod } from '../pod.ts';
import { bindingChecks, type BindingInput } from './checks.ts';

/** What a binding refers to, as the controller's stores have it. */
export interface BindingStores {
  accessPoints: StoreReader<ApplicationAccessPoint>;
  policies: StoreReader<RbacPolicy>;
  pods: StoreReader<Pod>;
}

/** Tells whether a binding can be used. It holds no KMS state: pods fetch with their own identity. */
export function secretBindingLifecycle(kms: KmsApi, stores: BindingStores): Lifecycle<SecretBinding, BindingInput> {
  return {
    resource: secretBindingType,
    fieldManager: 'kaap-secret-binding',
    holds: () => false,
    gather: async (binding, { signal }) => {
      const accessPoint = stores.accessPoints.get(binding.spec.accessPoint);
      const policies = (accessPoint?.spec.policies ?? []).map((name) => stores.policies.get(name));
      return {
        binding,
        accessPoint,
        policies: policies.filter((policy) => policy !== undefined),
        missingSources: await missingSources(kms, binding, signal),
        selectedPods: countSelected(binding, stores.pods),
      };
    },
    checks: bindingChecks,
    act: (binding, input) => {
      const { accessPoint, sources } = binding.spec;
      const arn = input.accessPoint?.status?.arn;
      return Promise.resolve({
        status: {
          ...(arn === undefined ? {} : { accessPoint: arn }),
          resolvedSources: sources.map(({ name }) => name),
        },
        message: `Pods get ${sources.length} source${sources.length === 1 ? '' : 's'} through ${accessPoint}.`,
        conditions: [podsSelected(input)],
      });
    },
  };
}

async function missingSources(
  kms: KmsApi,
  binding: SecretBinding,
  signal: AbortSignal,
): Promise<BindingInput['missingSources']> {
  const named = binding.spec.sources.flatMap(({ name, secret }) =>
    secret === undefined ? [] : [{ source: name, secret: secret.name }],
  );
  const answers = await Promise.all(
    named.map(({ secret }) => find(kms, 'DescribeSecret', { SecretName: secret }, signal)),
  );
  return named.filter((_source, index) => answers[index] === undefined);
}

function countSelected(binding: SecretBinding, pods: StoreReader<Pod>): number {
  let count = 0;
  for (const pod of pods.list()) if (selects(binding, pod)) count += 1;
  return count;
}

/** Whether the binding's selector and service accounts take the pod. */
export function selects(binding: SecretBinding, pod: Pod): boolean {
  if (pod.metadata.namespace !== binding.metadata.namespace) return false;
  const { podSelector, serviceAccounts } = binding.spec;
  if (serviceAccounts !== undefined && !serviceAccounts.includes(pod.spec.serviceAccountName ?? 'default'))
    return false;
  return matchesSelector(podSelector, pod.metadata.labels ?? {});
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
