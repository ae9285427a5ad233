import {
  applicationAccessPointType,
  type ApplicationAccessPoint,
} from '../src/api/v1alpha1/application-access-point.ts';
import { secretBindingType, type SecretBinding } from '../src/api/v1alpha1/secret-binding.ts';
import type { Reflectors } from '../src/kube/reflectors.ts';
import type { BindingDirectory } from './directory.ts';

const byNamespace = 'namespace';
const namespaceOf = (binding: SecretBinding): string[] => [binding.metadata.namespace ?? ''];

/** The directory of a cluster: what two watches have brought. */
export function clusterDirectory(reflectors: Reflectors): BindingDirectory {
  const bindings = reflectors.store<SecretBinding>(secretBindingType);
  const accessPoints = reflectors.store<ApplicationAccessPoint>(applicationAccessPointType);
  bindings.addIndex(byNamespace, namespaceOf);
  return {
    bindingsIn: (namespace) => bindings.byIndex(byNamespace, namespace),
    accessPoints,
    hasSynced: () => bindings.hasSynced && accessPoints.hasSynced,
  };
}
