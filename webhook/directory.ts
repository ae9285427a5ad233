import type { ApplicationAccessPoint } from '../src/api/v1alpha1/application-access-point.ts';
import type { SecretBinding } from '../src/api/v1alpha1/secret-binding.ts';

/** What injection reads of a SecretBinding. */
export type BindingObject = Pick<SecretBinding, 'metadata' | 'spec'>;

/** What injection reads of an ApplicationAccessPoint. */
export type AccessPointObject = Pick<ApplicationAccessPoint, 'metadata' | 'spec'>;

/** Finds access points by name; a Map will do. */
export interface AccessPoints {
  get(name: string): AccessPointObject | undefined;
}

/** What the webhook knows of the cluster, in memory: no admission waits for the network. */
export interface BindingDirectory {
  /** Bindings of one namespace, in any order. */
  bindingsIn(namespace: string): readonly BindingObject[];
  readonly accessPoints: AccessPoints;
  /** Whether everything that exists has been seen once. Before that, "there is no such binding" cannot be said. */
  hasSynced(): boolean;
}
