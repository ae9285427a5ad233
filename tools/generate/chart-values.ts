// SPDX-License-Identifier: Apache-2.0
/** The values of the chart, once: values.yaml, values.schema.json and the table of the chart's README are made of this. */
import {
  count,
  flag,
  kubernetesObject,
  list,
  oneOf,
  section,
  text,
  type Section,
  type Settings,
} from './chart-settings.ts';
import { defaultResources } from '../../webhook/mutate/sidecar.ts';
import { hsm, instances, seal, xkiProxy } from './chart-held-keys.ts';
import { podSettings, serviceSection, volumeSettings } from './chart-pod-settings.ts';

const words = { type: 'string', minLength: 1 };
const dnsLabel = { type: 'string', pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' };

const image: Section = section(
  'Images. One for each process: <repository>/kms, /operator, /webhook, /agent, /metadata (with /metadata-address), /hsm, /hsm-softhsm2, /xki-proxy and /cli.',
  {
    repository: text('Registry and path before the name of the process.', 'localhost/kaap', words),
    tag: text('Tag of the images; the appVersion of the chart when empty.', ''),
    pullPolicy: oneOf('When a node pulls an image.', 'IfNotPresent', ['Always', 'IfNotPresent', 'Never']),
  },
);

const kms: Section = section('The KMS, STS and RAM APIs, and all state.', {
  instances,
  seal,
  hsm,
  servingNames: list(
    'Further DNS names and IP addresses in the serving certificate, for callers outside the cluster.',
    [],
    words,
  ),
  trustedProxies: list('Networks of proxies whose word about the address of a caller is taken.', [], words),
  rateLimit: section(
    'Requests per second that one caller may make, at each pod of the KMS; twice as many at once. 0: any.',
    {
      perCaller: count('For each user, client key, and session of a role, so each pod.', 1000, 0, 1_000_000),
      perAddress: count(
        'For each source address, over calls without a signature (AssumeRoleWithOIDC).',
        200,
        0,
        1_000_000,
      ),
    },
  ),
  replicas: count('Pods; all of them work. More than one needs database.existingSecret.', 1, 1, 20),
  database: section('A PostgreSQL database that holds the state, sealed, instead of a file on the volume.', {
    existingSecret: text('Secret with the URL of the database. Empty: SQLite on the volume, one pod.', ''),
    key: text('Key of the URL in it. Other keys are files in /etc/kaap/database, such as sslrootcert.', 'url', words),
    port: count('Port of the database, which the NetworkPolicy lets through.', 5432, 1, 65_535),
  }),
  rotationHook: section(
    'What sets new passwords of managed secrets where they are used. Nothing is called without it.',
    {
      url: text('https URL of the hook. Empty: none.', '', { pattern: '^(https://.+)?$' }),
      existingSecret: text('Secret with the key that signs requests and the authorities that vouch for the hook.', ''),
      keyKey: text('Key of the signing key in it: at least 32 random bytes in base64.', 'hook.key', words),
      caKey: text('Key of the authorities in it, PEM.', 'ca.crt', words),
      port: count('Port of the hook, which the NetworkPolicy lets through.', 443, 1, 65_535),
    },
  ),
  callerIdentity: section(
    'The STS of Alibaba Cloud that proves sessions of its roles, for access points with trustedRole AlibabaCloudRole.',
    {
      stsUrl: text('https URL of the STS, such as https://sts.eu-central-1.aliyuncs.com. Empty: none.', '', {
        pattern: '^(https://[^/]+/?)?$',
      }),
      audience: text('Name of this installation, which callers put into what they sign. No other has the same.', ''),
      caConfigMap: text('ConfigMap with the authorities that vouch for the STS; no others do.', ''),
      caKey: text('Key of the authorities in it, PEM.', 'ca.crt', words),
      port: count('Port of the STS, which the NetworkPolicy lets through.', 443, 1, 65_535),
    },
  ),
  audit: section('The audit log, which lies on the volume.', {
    whenFull: oneOf(
      'While the log cannot be written, as on a full volume: refuse answers no call; buffer answers, and keeps records in memory until its bound.',
      'refuse',
      ['refuse', 'buffer'],
    ),
    bufferBytes: count(
      'Bytes of records in memory at most. They are lost if the process is killed. Leave three times as much in the memory limit.',
      16_777_216,
      65_536,
      268_435_456,
    ),
    anchorConfigMap: flag(
      'Keep the head of each log in the ConfigMap kaap-audit-anchor too, so that a cut-off end is seen. A pod whose volume was lost does not start before its key is taken out of there.',
      true,
    ),
  }),
  persistence: section('The volume that holds the state, sealed; with a database, the audit log of each pod.', {
    enabled: flag('Keep state on a volume. Without it, every key and secret is lost with the pod: for tests.', true),
    ...volumeSettings('4Gi'),
  }),
  service: serviceSection('kaap-kms'),
  terminationGracePeriodSeconds: count('Seconds that calls in flight have to end.', 30, 1, 600),
  ...podSettings({ cpu: '100m', memory: '192Mi' }, '768Mi'),
});

const operator: Section = section('Turns custom resources into state of the KMS.', {
  replicas: count('Pods; one of them works, the others wait.', 1, 0, 10),
  rollout: section('Workloads of SecretBindings with refresh.onChange: Rollout, after a new version of a secret.', {
    enabled: flag('Let the operator change Deployments, StatefulSets and DaemonSets of every namespace.', false),
    timeoutSeconds: count(
      'Seconds for the pods to become ready, before the former version is made current.',
      300,
      10,
      86_400,
    ),
  }),
  repair: section('Pods that run without their secrets because they passed the webhook by. They are always reported.', {
    enabled: flag('Evict those that a workload owns, within PodDisruptionBudgets, so that they are made again.', true),
  }),
  ...podSettings({ cpu: '50m', memory: '128Mi' }, '512Mi'),
});

const webhook: Section = section('Injects pods at admission.', {
  replicas: count('Pods; all of them work.', 2, 0, 20),
  failurePolicy: oneOf(
    'What happens to a labelled pod when the webhook does not answer. With Ignore, admissionPolicy still refuses it.',
    'Fail',
    ['Fail', 'Ignore'],
  ),
  timeoutSeconds: count('Seconds that the API server waits for it.', 5, 1, 30),
  exemptNamespaces: list('Namespaces that are never injected, besides that of the release.', ['kube-system'], dnsLabel),
  admissionPolicy: section('A ValidatingAdmissionPolicy that refuses labelled pods which were not injected.', {
    enabled: flag('Install it.', true),
  }),
  certManager: section(
    'The serving certificate from cert-manager, whose cainjector also tells API servers to trust it. Without it, the webhook does both by itself.',
    {
      enabled: flag('Use it. It has to be installed before.', false),
      issuer: section('Who issues the certificate; its answer has to name an authority (ca.crt).', {
        kind: oneOf('Kind of the issuer.', 'Issuer', ['Issuer', 'ClusterIssuer']),
        name: text('Its name. Empty: an authority of its own, which the chart makes.', '', { type: 'string' }),
        group: text('Its API group.', 'cert-manager.io', words),
      }),
    },
  ),
  agent: section('The agent that it puts into pods.', {
    resources: kubernetesObject('Its requests and limits.', { ...defaultResources.burstable }),
    guaranteedResources: kubernetesObject(
      'The same in pods of the class Guaranteed, which stay so: each is request and limit.',
      { ...defaultResources.guaranteed.limits },
    ),
  }),
  ...podSettings({ cpu: '50m', memory: '96Mi' }, '384Mi'),
});

const roleName = { type: 'string', pattern: '^([A-Za-z0-9._-]{1,64})?$' };

const metadata: Section = section(
  "The ECS metadata API on 100.100.100.200 of each node, so that Alibaba's SDKs find the role of the node. Needs a namespace that lets pods on the network of the node in.",
  {
    enabled: flag('Run it on each node.', false),
    role: text('Name of the role of the nodes; its trust policy names the service ecs.aliyuncs.com.', '', roleName),
    hardenedOnly: flag('Refuse requests without a token of the hardened mode.', false),
    namespaces: list('The only namespaces whose pods have the role of the node. Empty: all.', [], dnsLabel),
    excludedNamespaces: list(
      'Namespaces whose pods never have the role of the node, besides that of the release.',
      ['kube-system'],
      dnsLabel,
    ),
    podRoles: list(
      'Roles of service accounts for ALIBABA_CLOUD_CREDENTIALS_URI=http://100.100.100.200/kaap/credentials.',
      [],
      {
        type: 'object',
        required: ['namespace', 'serviceAccount', 'roleName', 'audience'],
        properties: { namespace: dnsLabel, serviceAccount: words, roleName: words, audience: words },
        additionalProperties: false,
      },
    ),
    healthPort: count('Port of probes and metrics, on 127.0.0.1 of the node.', 9478, 1, 65_535),
    ...podSettings({ cpu: '10m', memory: '64Mi' }, '192Mi'),
  },
);

const networkPolicy: Section = section('A NetworkPolicy for each component: what it needs, and nothing else.', {
  enabled: flag('Install them.', true),
  kmsFrom: list('Who may call the KMS, as NetworkPolicy peers. Empty: anybody, who must then prove who he is.', [], {
    type: 'object',
  }),
  metricsFrom: list('Who may read metrics, as NetworkPolicy peers. Empty: nobody but the node itself.', [], {
    type: 'object',
  }),
  apiServerPorts: list('Ports of the Kubernetes API server.', [443, 6443], {
    type: 'integer',
    minimum: 1,
    maximum: 65_535,
  }),
});

/** Every value of the chart. */
export const chartValues: Settings = {
  image,
  imagePullSecrets: list('Names of Secrets with credentials of the registry.', [], {
    type: 'object',
    required: ['name'],
    properties: { name: words },
    additionalProperties: false,
  }),
  region: text('Region in ARNs and endpoints. Cannot be changed once there are keys.', 'local', {
    pattern: '^[a-z0-9-]{1,32}$',
  }),
  accountId: text('Account id in ARNs, 16 digits. Cannot be changed once there are keys.', '1000000000000000', {
    pattern: '^[0-9]{16}$',
  }),
  clusterDomain: text('DNS domain of the cluster.', 'cluster.local', words),
  oidcProvider: text('Name of this cluster as an OIDC provider of STS.', 'kubernetes', words),
  logLevel: oneOf('How much the processes write.', 'info', ['debug', 'info', 'warn', 'error', 'silent']),
  priorityClassName: text('Priority class of all pods.', ''),
  crds: section('The CustomResourceDefinitions.', {
    install: flag('Install and upgrade them with the release.', true),
    keep: flag('Keep them, and every object, when the release is uninstalled.', true),
  }),
  rbac: section('Who may use the custom resources.', {
    aggregate: flag('Add the namespaced kinds to the roles view, edit and admin of Kubernetes.', true),
  }),
  bootstrap: section('A job before install and upgrade that makes the CA and the seal key, when they are missing.', {
    enabled: flag(
      'Run it. Without it, make Secret kaap-kms-ca, ConfigMap kaap-kms-trust and Secret kaap-kms-seal.',
      true,
    ),
  }),
  kms,
  operator,
  webhook,
  metadata,
  xkiProxy,
  podDisruptionBudget: section('PodDisruptionBudgets.', { enabled: flag('Install them.', true) }),
  networkPolicy,
  serviceMonitor: section('A ServiceMonitor of the Prometheus operator.', {
    enabled: flag('Install it, and the Service that it needs.', false),
    interval: text('Between two scrapes.', '30s', { pattern: '^[0-9]+(s|m)$' }),
    labels: kubernetesObject('Labels that the Prometheus looks for.'),
  }),
  prometheusRule: section('Alerts, as a PrometheusRule of the Prometheus operator.', {
    enabled: flag('Install them.', false),
    labels: kubernetesObject('Labels that the Prometheus looks for.'),
  }),
};
