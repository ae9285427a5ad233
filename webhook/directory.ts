/**
 * What the webhook knows of the cluster: a view of SecretBindings and ApplicationAccessPoints, in memory. These are the
 * fields of the custom resources (kaap.dev/v1alpha1) that injection depends on.
 */
export interface BindingDirectory {
  /** Bindings of one namespace, in any order. */
  bindingsIn(namespace: string): readonly BindingObject[];
  accessPoint(name: string): AccessPointObject | undefined;
  /** Whether everything that exists has been seen once. Before that, "there is no such binding" cannot be said. */
  hasSynced(): boolean;
}

export interface BindingObject {
  metadata: { name: string; namespace?: string };
  spec: BindingSpec;
}

export interface BindingSpec {
  podSelector: LabelSelector;
  /** Only pods of these service accounts; any when absent. */
  serviceAccounts?: readonly string[] | undefined;
  accessPoint: string;
  sources: readonly BindingSource[];
  env?: readonly { name: string; source: string; field?: string | undefined }[] | undefined;
  files?: readonly BindingFile[] | undefined;
  mountPath?: string | undefined;
  /** Every container of the pod when absent. */
  containers?: readonly string[] | undefined;
  refresh?: { intervalSeconds: number } | undefined;
}

export interface BindingFile {
  /** Relative to mountPath. */
  path: string;
  source: string;
  field?: string | undefined;
  /** Octal text. */
  mode?: string | undefined;
}

export interface BindingSource {
  name: string;
  secret?: { name: string; versionStage?: string | undefined; versionId?: string | undefined } | undefined;
  decrypt?: { ciphertextBlob: string; encryptionContext?: Readonly<Record<string, string>> | undefined } | undefined;
}

/** metav1.LabelSelector. */
export interface LabelSelector {
  matchLabels?: Readonly<Record<string, string>> | undefined;
  matchExpressions?: readonly LabelRequirement[] | undefined;
}

export interface LabelRequirement {
  key: string;
  operator: string;
  values?: readonly string[] | undefined;
}

export interface AccessPointObject {
  metadata: { name: string };
  spec: { authentication: AccessPointAuthentication };
}

export interface AccessPointAuthentication {
  ramRole?:
    { trustedRole: string; roleName: string; serviceAccounts?: readonly ServiceAccountRef[] | undefined } | undefined;
  clientKey?:
    | { secretRef: { namespace: string; name: string }; serviceAccounts?: readonly ServiceAccountRef[] | undefined }
    | undefined;
}

export interface ServiceAccountRef {
  namespace: string;
  name: string;
}
