import { isReady } from '../../api/condition.ts';
import type { ApplicationAccessPoint } from '../../api/v1alpha1/application-access-point.ts';
import type { RbacPolicy } from '../../api/v1alpha1/rbac-policy.ts';
import type { SecretBinding } from '../../api/v1alpha1/secret-binding.ts';
import { parseRbacResource, rbacResourceMatches } from '../../policy/rbac-templates.ts';
import type { Check } from '../check.ts';

/** What a binding's readiness depends on. */
export interface BindingInput {
  binding: SecretBinding;
  accessPoint: ApplicationAccessPoint | undefined;
  /** The policies of the access point that exist as objects. */
  policies: readonly RbacPolicy[];
  /** Names of sources whose secret KMS does not have. */
  missingSources: readonly { source: string; secret: string }[];
  /** Pods of the namespace that the selector takes now. */
  selectedPods: number;
  /** Names of those that did not go through the webhook. */
  uninjectedPods: readonly string[];
  /** RFC 3339; for bindings with outage. */
  valuesReadTime: string | undefined;
}

const accessPointExists: Check<BindingInput> = ({ binding, accessPoint }) =>
  accessPoint === undefined
    ? {
        reason: 'AccessPointNotFound',
        message: `spec.accessPoint names ${binding.spec.accessPoint}, which does not exist. Create the ApplicationAccessPoint, or correct the name.`,
      }
    : undefined;

const accessPointIsReady: Check<BindingInput> = ({ binding, accessPoint }) => {
  if (accessPoint === undefined || isReady(accessPoint)) return undefined;
  const name = binding.spec.accessPoint;
  return {
    reason: 'AccessPointNotReady',
    message: `The access point ${name} is not Ready. Look at its conditions: kubectl describe aap ${name}.`,
  };
};

const serviceAccountsAreListed: Check<BindingInput> = ({ binding, accessPoint }) => {
  const { ramRole, clientKey } = accessPoint?.spec.authentication ?? {};
  const { namespace } = binding.metadata;
  const listed = ((ramRole ?? clientKey)?.serviceAccounts ?? [])
    .filter((account) => account.namespace === namespace)
    .map((account) => account.name);
  const wanted = binding.spec.serviceAccounts;
  const refused = wanted?.filter((name) => !listed.includes(name)) ?? [];
  if (refused.length === 0 && listed.length > 0) return undefined;
  const who = refused.length === 0 ? 'no service account of this namespace' : `not ${namespace}/${refused.join(', ')}`;
  return {
    reason: 'ServiceAccountNotListed',
    message: `The access point ${binding.spec.accessPoint} lists ${who}. Its administrator has to add it to the access point's serviceAccounts.`,
  };
};

const clientKeyIsInThisNamespace: Check<BindingInput> = ({ binding, accessPoint }) => {
  const target = accessPoint?.spec.authentication.clientKey?.secretRef;
  if (target === undefined || target.namespace === binding.metadata.namespace) return undefined;
  return {
    reason: 'ClientKeyInOtherNamespace',
    message: `The client key of access point ${binding.spec.accessPoint} is delivered to the namespace ${target.namespace}. Bindings of other namespaces cannot use it.`,
  };
};

const secretsExist: Check<BindingInput> = ({ missingSources }) => {
  if (missingSources.length === 0) return undefined;
  const list = missingSources.map(({ source, secret }) => `${secret} (source ${source})`).join(', ');
  return {
    reason: 'SecretNotFound',
    message: `KMS has no secret ${list}. Create it (kaap secret put NAME, or a KmsSecret), or correct the name in spec.sources.`,
    requeueAfterMs: 10_000,
  };
};

const policiesCoverSecrets: Check<BindingInput> = ({ binding, policies }) => {
  const resources = policies
    .filter((policy) => policy.spec.templates.includes('SecretUser'))
    .flatMap((policy) => policy.spec.resources.map(parseRbacResource));
  const uncovered = binding.spec.sources
    .map((source) => source.secret?.name)
    .filter((name) => name !== undefined)
    .filter((name) => !resources.some((resource) => rbacResourceMatches(resource, `secret/${name}`)));
  if (uncovered.length === 0) return undefined;
  const named = policies.map((policy) => policy.metadata.name).join(', ');
  return {
    reason: 'NotPermitted',
    message: `No policy of the access point ${binding.spec.accessPoint} (${named}) lets it read secret/${uncovered.join(', secret/')}. Its administrator has to add the resource to one with the template SecretUser.`,
  };
};

/** Readiness rules of a binding: who first, then what. */
export const bindingChecks: readonly Check<BindingInput>[] = [
  accessPointExists,
  accessPointIsReady,
  serviceAccountsAreListed,
  clientKeyIsInThisNamespace,
  policiesCoverSecrets,
  secretsExist,
];
