import type { KmsSecret } from '../../api/v1alpha1/kms-secret.ts';

/** Name in KMS: `<namespace>/<name>`, so that no object reaches into another namespace. */
export function secretName(secret: KmsSecret): string {
  return `${secret.metadata.namespace}/${secret.spec.name ?? secret.metadata.name}`;
}
