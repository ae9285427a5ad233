/** The parts of a core/v1 Pod that the webhook reads or writes. Whatever else is in a pod passes through untouched. */
export interface Pod {
  apiVersion?: string;
  kind?: string;
  metadata?: PodMetadata;
  spec: PodSpec;
}

export interface PodMetadata {
  name?: string;
  generateName?: string;
  namespace?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

export interface PodSpec {
  serviceAccountName?: string;
  volumes?: Volume[];
  initContainers?: Container[];
  containers: Container[];
  securityContext?: { runAsUser?: number; runAsNonRoot?: boolean; fsGroup?: number; supplementalGroups?: number[] };
  shareProcessNamespace?: boolean;
  hostPID?: boolean;
  hostNetwork?: boolean;
  dnsPolicy?: string;
  os?: { name: string };
}

export interface Container {
  name: string;
  image?: string;
  imagePullPolicy?: string;
  command?: string[];
  args?: string[];
  restartPolicy?: string;
  restartPolicyRules?: RestartPolicyRule[];
  env?: EnvVar[];
  volumeMounts?: VolumeMount[];
  resources?: Resources;
  securityContext?: Record<string, unknown>;
  lifecycle?: { postStart?: { exec?: { command: string[] } } };
  terminationMessagePath?: string;
  terminationMessagePolicy?: string;
}

/** core/v1 ContainerRestartRule (KEP-5532; RestartAllContainers is on by default since Kubernetes 1.36). */
export interface RestartPolicyRule {
  action: 'RestartAllContainers';
  exitCodes: { operator: 'In'; values: number[] };
}

export interface Resources {
  requests?: Record<string, string>;
  limits?: Record<string, string>;
}

export interface EnvVar {
  name: string;
  value?: string;
  valueFrom?: { fileKeyRef?: FileKeyRef };
}

/** core/v1 FileKeySelector (KEP-3721; beta and on by default since Kubernetes 1.35). */
export interface FileKeyRef {
  volumeName: string;
  /** Relative to the volume. */
  path: string;
  key: string;
  optional: boolean;
}

export interface VolumeMount {
  name: string;
  mountPath: string;
  subPath?: string;
  readOnly?: boolean;
}

export interface Volume {
  name: string;
  emptyDir?: { medium?: string; sizeLimit?: string };
  projected?: { defaultMode?: number; sources: readonly ProjectedSource[] };
}

export interface ProjectedSource {
  serviceAccountToken?: { audience: string; expirationSeconds: number; path: string };
  secret?: { name: string; items: { key: string; path: string }[] };
  downwardAPI?: { items: { path: string; fieldRef: { apiVersion: 'v1'; fieldPath: string } }[] };
}

/** The two lists of containers that injection concerns. Ephemeral containers cannot be in a pod that is created. */
export const containerLists = ['initContainers', 'containers'] as const;
export type ContainerList = (typeof containerLists)[number];
