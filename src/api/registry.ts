// SPDX-License-Identifier: Apache-2.0
import type { CustomResourceType } from './custom-resource.ts';
import { applicationAccessPointType, type ApplicationAccessPoint } from './v1alpha1/application-access-point.ts';
import { kmsInstanceType, type KmsInstance } from './v1alpha1/kms-instance.ts';
import { kmsKeyType, type KmsKey } from './v1alpha1/kms-key.ts';
import { kmsSecretType, type KmsSecret } from './v1alpha1/kms-secret.ts';
import { networkRuleType, type NetworkRule } from './v1alpha1/network-rule.ts';
import { ramPolicyType, type RamPolicy } from './v1alpha1/ram-policy.ts';
import { ramRoleType, type RamRole } from './v1alpha1/ram-role.ts';
import { ramUserType, type RamUser } from './v1alpha1/ram-user.ts';
import { rbacPolicyType, type RbacPolicy } from './v1alpha1/rbac-policy.ts';
import { secretBindingType, type SecretBinding } from './v1alpha1/secret-binding.ts';

/** An object of any kind, told apart by `kind`. */
export type KaapObject =
  | KmsInstance
  | NetworkRule
  | RbacPolicy
  | RamPolicy
  | RamRole
  | RamUser
  | ApplicationAccessPoint
  | KmsKey
  | KmsSecret
  | SecretBinding;

/** The name of a kind. */
export type KaapKind = KaapObject['kind'];

/** The object type of a kind. */
export type ObjectOfKind<K extends KaapKind> = Extract<KaapObject, { kind: K }>;

/** Every kind, each after those that it refers to. */
export const customResourceTypes: { readonly [K in KaapKind]: CustomResourceType<ObjectOfKind<K>> } = {
  KmsInstance: kmsInstanceType,
  NetworkRule: networkRuleType,
  RbacPolicy: rbacPolicyType,
  RamPolicy: ramPolicyType,
  RamRole: ramRoleType,
  RamUser: ramUserType,
  ApplicationAccessPoint: applicationAccessPointType,
  KmsKey: kmsKeyType,
  KmsSecret: kmsSecretType,
  SecretBinding: secretBindingType,
};
