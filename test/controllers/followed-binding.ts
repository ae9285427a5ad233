import type { SecretBinding } from '../../src/api/v1alpha1/secret-binding.ts';

/** The binding `shop/db` of all pods of its namespace to one secret, whose changes they follow in the given way. */
export function followedBinding(onChange: 'Rollout' | 'RestartContainers', secret: string): SecretBinding {
  return {
    apiVersion: 'kaap.dev/v1alpha1',
    kind: 'SecretBinding',
    metadata: { name: 'db', namespace: 'shop', uid: 'binding' },
    spec: {
      podSelector: {},
      accessPoint: 'shop',
      sources: [{ name: 'db', secret: { name: secret } }],
      mountPath: '/x',
      envMethod: 'Auto',
      envReferences: 'Forbidden',
      refresh: { intervalSeconds: 300, onChange },
    },
  };
}
