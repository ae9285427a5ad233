import { describe, expect, it } from 'vitest';
import type { ApplicationAccessPoint } from '../../../src/api/v1alpha1/application-access-point.ts';
import type { RbacPolicy } from '../../../src/api/v1alpha1/rbac-policy.ts';
import type { SecretBinding } from '../../../src/api/v1alpha1/secret-binding.ts';
import { firstViolation } from '../../../src/controllers/check.ts';
import { bindingChecks, type BindingInput } from '../../../src/controllers/secret-binding/checks.ts';

const apiVersion = 'kaap.dev/v1alpha1';

function binding(spec: Partial<SecretBinding['spec']> = {}): SecretBinding {
  return {
    apiVersion,
    kind: 'SecretBinding',
    metadata: { name: 'db', namespace: 'shop' },
    spec: {
      podSelector: {},
      accessPoint: 'shop',
      sources: [{ name: 'db', secret: { name: 'shop/db' } }],
      mountPath: '/var/run/secrets/kaap',
      envMethod: 'Auto',
      envReferences: 'Forbidden',
      ...spec,
    },
  };
}

function accessPoint(
  authentication: ApplicationAccessPoint['spec']['authentication'],
  ready: 'True' | 'False' = 'True',
): ApplicationAccessPoint {
  const condition = { type: 'Ready', status: ready, reason: 'R', message: '', lastTransitionTime: '' };
  return {
    apiVersion,
    kind: 'ApplicationAccessPoint',
    metadata: { name: 'shop' },
    spec: { authentication, policies: ['reader'], mode: 'Enforce' },
    status: { conditions: [condition] },
  };
}

const byRole = {
  ramRole: {
    trustedRole: 'ServiceAccountRole' as const,
    roleName: 'shop',
    serviceAccounts: [{ namespace: 'shop', name: 'shop' }],
  },
};

function byClientKey(namespace: string): ApplicationAccessPoint['spec']['authentication'] {
  const serviceAccounts = [{ namespace: 'shop', name: 'shop' }];
  return { clientKey: { validityDays: 30, secretRef: { namespace, name: 'key' }, serviceAccounts } };
}

function policy(spec: Partial<RbacPolicy['spec']> = {}): RbacPolicy {
  return {
    apiVersion,
    kind: 'RbacPolicy',
    metadata: { name: 'reader' },
    spec: { scope: 'shared', templates: ['SecretUser'], resources: ['secret/shop/*'], ...spec },
  };
}

const good: BindingInput = {
  binding: binding(),
  accessPoint: accessPoint(byRole),
  policies: [policy()],
  missingSources: [],
  selectedPods: 1,
  uninjectedPods: [],
  valuesReadTime: undefined,
};

interface Case {
  title: string;
  input: Partial<BindingInput>;
  reason: string | undefined;
  says?: string;
}

const cases: readonly Case[] = [
  { title: 'everything in place is no violation', input: {}, reason: undefined },
  {
    title: 'an access point that does not exist is named',
    input: { accessPoint: undefined },
    reason: 'AccessPointNotFound',
    says: 'names shop, which does not exist',
  },
  {
    title: 'an access point that is not Ready is where to look next',
    input: { accessPoint: accessPoint(byRole, 'False') },
    reason: 'AccessPointNotReady',
    says: 'kubectl describe aap shop',
  },
  {
    title: 'a service account that the access point does not list is named with its namespace',
    input: { binding: binding({ serviceAccounts: ['shop', 'cron'] }) },
    reason: 'ServiceAccountNotListed',
    says: 'shop/cron',
  },
  {
    title: 'B1: a binding in a namespace of which the access point lists nobody is refused',
    input: { binding: { ...binding(), metadata: { name: 'db', namespace: 'bank' } } },
    reason: 'ServiceAccountNotListed',
    says: 'no service account of this namespace',
  },
  {
    title: 'B1: a client key that is delivered to another namespace cannot be used',
    input: { accessPoint: accessPoint(byClientKey('vault')) },
    reason: 'ClientKeyInOtherNamespace',
    says: 'namespace vault',
  },
  {
    title: 'a client key in the own namespace can be used',
    input: { accessPoint: accessPoint(byClientKey('shop')) },
    reason: undefined,
  },
  {
    title: 'a secret that no policy of the access point covers is named',
    input: { binding: binding({ sources: [{ name: 'x', secret: { name: 'bank/db' } }] }) },
    reason: 'NotPermitted',
    says: 'secret/bank/db',
  },
  {
    title: 'a policy without the template SecretUser covers no secret',
    input: { policies: [policy({ templates: ['CryptoServiceKeyUser'] })] },
    reason: 'NotPermitted',
  },
  {
    title: 'a secret that is missing in KMS is named with its source',
    input: { missingSources: [{ source: 'db', secret: 'shop/db' }] },
    reason: 'SecretNotFound',
    says: 'shop/db (source db)',
  },
  {
    title: 'a ciphertext source needs no policy for a secret',
    input: { binding: binding({ sources: [{ name: 'c', decrypt: { ciphertextBlob: 'AAAA' } }] }), policies: [] },
    reason: undefined,
  },
];

describe('A binding is Ready unless', () => {
  it.each(cases)('$title', ({ input, reason, says }) => {
    const violation = firstViolation(bindingChecks, { ...good, ...input });
    expect(violation?.reason).toBe(reason);
    if (says !== undefined) expect(violation?.message).toContain(says);
  });
});
