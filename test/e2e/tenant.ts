/** Objects of one tenant: a namespace with a service account, an access point, a policy and a binding. */

export interface Tenant {
  namespace: string;
  method: 'role' | 'client-key';
  /** An instance that holds the key and the secret instead of the shared one, and what its key needs besides. */
  held?: { instanceId: string; key: object };
}

const apiVersion = 'kaap.dev/v1alpha1';

/** Everything but the workload. The secret is `<namespace>/db`; its value is JSON with `user` and `password`. */
export function tenantObjects({ namespace, method, held }: Tenant): object[] {
  const serviceAccounts = [{ namespace, name: 'app' }];
  const authentication =
    method === 'role'
      ? { ramRole: { trustedRole: 'ServiceAccountRole', roleName: namespace, serviceAccounts } }
      : { clientKey: { validityDays: 30, secretRef: { namespace, name: 'client-key' }, serviceAccounts } };
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'app', namespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'other', namespace } },
    {
      apiVersion,
      kind: 'RbacPolicy',
      metadata: { name: namespace },
      spec: {
        scope: held?.instanceId ?? 'shared',
        templates: ['SecretUser'],
        resources: [`secret/${namespace}/*`],
      },
    },
    {
      apiVersion,
      kind: 'ApplicationAccessPoint',
      metadata: { name: namespace },
      spec: { authentication, policies: [namespace] },
    },
    {
      apiVersion,
      kind: 'KmsKey',
      metadata: { name: 'main', namespace },
      spec: held === undefined ? {} : { instanceId: held.instanceId, ...held.key },
    },
    ...(held === undefined ? [] : [heldSecret(namespace, held.instanceId)]),
    {
      apiVersion,
      kind: 'SecretBinding',
      metadata: { name: 'db', namespace },
      spec: {
        podSelector: { matchLabels: { app: 'app' } },
        accessPoint: namespace,
        sources: [{ name: 'db', secret: { name: `${namespace}/db` } }],
        env: [
          { name: 'DB_USER', source: 'db', field: 'user' },
          { name: 'DB_PASSWORD', source: 'db', field: 'password' },
        ],
        files: [{ path: 'db.json', source: 'db', mode: '0444' }],
        refresh: { intervalSeconds: 10 },
      },
    },
  ];
}

/** A secret under the tenant's own key; the KMS makes its value. */
function heldSecret(namespace: string, instanceId: string): object {
  // An env file of the kubelet cannot express a single quote.
  const generate = { generatedField: 'password', template: { user: 'app' }, excludeCharacters: "'" };
  return {
    apiVersion,
    kind: 'KmsSecret',
    metadata: { name: 'db', namespace },
    spec: { instanceId, encryptionKey: { name: 'main' }, generate },
  };
}

export interface PodOptions {
  namespace: string;
  serviceAccountName?: string;
  args: readonly string[];
  restartPolicy?: string;
  annotations?: Record<string, string>;
  labels?: Record<string, string>;
}

/** A pod template with test-app, whose image holds no shell and no libc, under the restricted Pod Security standard. */
export function podTemplate(options: PodOptions): { metadata: object; spec: object } {
  const { serviceAccountName = 'app', args, restartPolicy, annotations = {}, labels = {} } = options;
  return {
    metadata: { labels: { app: 'app', 'kaap.dev/inject': 'true', ...labels }, annotations },
    spec: {
      serviceAccountName,
      ...(restartPolicy === undefined ? {} : { restartPolicy }),
      terminationGracePeriodSeconds: 5,
      securityContext: { runAsNonRoot: true, runAsUser: 20001, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'app',
          image: 'localhost/kaap/test-app:dev',
          imagePullPolicy: 'Never',
          args,
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    },
  };
}

/** Names and paths that test-app prints. */
export const subjects = ['DB_USER', 'DB_PASSWORD', '/var/run/secrets/kaap/db.json'] as const;

/** A Deployment of one pod that stays. */
export function deployment(name: string, options: Omit<PodOptions, 'args'>): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: options.namespace },
    spec: {
      replicas: 1,
      selector: { matchLabels: { workload: name } },
      template: podTemplate({
        ...options,
        labels: { ...options.labels, workload: name },
        args: ['--serve', ...subjects],
      }),
    },
  };
}

/** A Job whose pod prints what it got and ends. */
export function job(name: string, options: Omit<PodOptions, 'args'>): object {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: options.namespace },
    spec: {
      backoffLimit: 0,
      template: podTemplate({
        ...options,
        labels: { ...options.labels, workload: name },
        restartPolicy: 'Never',
        args: [...subjects],
      }),
    },
  };
}
