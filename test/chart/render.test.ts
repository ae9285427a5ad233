import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { customResourceTypes } from '../../src/api/registry.ts';
import { agentResources, agentResourceVariables } from '../../src/cmd/agent-resources.ts';
import { readKmsConfig } from '../../src/cmd/kms-config.ts';
import { readMetadataConfig } from '../../src/cmd/metadata-config.ts';
import { readConfig } from '../../src/lib/config.ts';
import { metricTable } from '../../src/lib/metrics.ts';
import { defaultResources } from '../../webhook/mutate/sidecar.ts';
import { chart, helm, namespace, succeeded, template, type RenderedObject } from './programs.ts';

const values = (name: string): string[] => ['--values', join(import.meta.dirname, 'values', `${name}.yaml`)];
const settings: readonly [string, string[]][] = [
  ['defaults', []],
  ['tests', values('tests')],
  ['everything', values('everything')],
  ['minimal', values('minimal')],
  ['held-keys', values('held-keys')],
];

interface PodSpec {
  serviceAccountName: string;
  securityContext: Record<string, unknown>;
  initContainers?: PodSpec['containers'];
  containers: {
    name: string;
    image: string;
    securityContext: unknown;
    resources: unknown;
    env: { name: string; value?: string }[];
  }[];
  volumes: Record<string, unknown>[];
}

const workloadKinds = new Set(['Deployment', 'StatefulSet', 'Job']);

function podsOf(objects: readonly RenderedObject[]): [string, PodSpec][] {
  return objects
    .filter(({ kind }) => workloadKinds.has(kind))
    .map(({ metadata, spec }) => [metadata.name, (spec as { template: { spec: PodSpec } }).template.spec]);
}

const find = (objects: readonly RenderedObject[], kind: string, name: string): RenderedObject => {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (!found) throw new Error(`no ${kind} ${name}`);
  return found;
};

describe('the metadata server', () => {
  const podRole = {
    namespace: 'shop',
    serviceAccount: 'own',
    roleName: 'shop',
    audience: 'kaap.dev/access-point/shop',
  };
  const args = [
    '--set=metadata.enabled=true',
    '--set=metadata.role=Worker',
    `--set-json=metadata.podRoles=${JSON.stringify([podRole])}`,
  ];

  test('is not there unless asked for', () => {
    expect(template([]).filter(({ metadata }) => metadata.name.startsWith('kaap-metadata'))).toEqual([]);
  });

  test('is read by its own configuration, and the KMS believes its service account', () => {
    const objects = template(args);
    const { spec } = find(objects, 'DaemonSet', 'kaap-metadata') as unknown as {
      spec: { template: { spec: PodSpec } };
    };
    const [container] = spec.template.spec.containers;
    const environment = Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value ?? 'x']));
    expect(readMetadataConfig(environment)).toMatchObject({
      roleName: 'Worker',
      excludedNamespaces: ['kube-system', namespace],
      podRoles: [podRole],
      listen: { host: '100.100.100.200', port: 80 },
    });
    const kms = find(objects, 'StatefulSet', 'kaap-kms') as unknown as { spec: { template: { spec: PodSpec } } };
    const vouchers = kms.spec.template.spec.containers[0]?.env.find(({ name }) => name === 'KAAP_SERVICE_VOUCHERS');
    expect(vouchers?.value).toBe(`ecs.aliyuncs.com=${namespace}:kaap-metadata`);
  });

  test('A14: has one capability in the process that serves, and the tokens of the listed service accounts only', () => {
    const objects = template(args);
    const { spec } = find(objects, 'DaemonSet', 'kaap-metadata') as unknown as {
      spec: { template: { spec: PodSpec } };
    };
    expect(spec.template.spec.containers[0]?.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
    });
    const rules = objects
      .filter(({ kind, metadata }) => kind.endsWith('Role') && metadata.name.startsWith('kaap-metadata'))
      .flatMap((object) => (object as unknown as { rules: object[] }).rules);
    expect(rules).toEqual([
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['serviceaccounts/token'], resourceNames: ['own'], verbs: ['create'] },
    ]);
  });
});

describe('the webhook with a certificate from cert-manager', () => {
  interface Certificate {
    spec: { secretName: string; dnsNames?: string[]; isCA?: boolean; issuerRef: object };
  }
  const own = ['--set=webhook.certManager.enabled=true'];
  const certificate = (objects: readonly RenderedObject[], name: string): Certificate['spec'] =>
    (find(objects, 'Certificate', name) as unknown as Certificate).spec;

  test('mounts the Secret that cert-manager keeps, and names the certificate to whoever injects the authority', () => {
    const objects = template(own);
    const { secretName, dnsNames } = certificate(objects, 'kaap-webhook');
    expect(dnsNames).toContain(`kaap-webhook.${namespace}.svc`);
    const deployment = find(objects, 'Deployment', 'kaap-webhook') as unknown as {
      spec: { template: { spec: PodSpec & { containers: { volumeMounts: object[] }[] } } };
    };
    const { containers, volumes } = deployment.spec.template.spec;
    const folder = containers[0]?.env.find(({ name }) => name === 'KAAP_WEBHOOK_CERT_FOLDER')?.value;
    expect(volumes).toContainEqual({ name: 'cert', secret: expect.objectContaining({ secretName }) as object });
    expect(containers[0]?.volumeMounts).toContainEqual({ name: 'cert', mountPath: folder, readOnly: true });
    const { metadata } = find(objects, 'MutatingWebhookConfiguration', 'kaap');
    expect(metadata.annotations).toEqual({ 'cert-manager.io/inject-ca-from': `${namespace}/kaap-webhook` });
  });

  test('has an authority of its own, or the issuer that is named', () => {
    const objects = template(own);
    const authority = certificate(objects, 'kaap-webhook-ca');
    expect(authority).toMatchObject({ isCA: true, issuerRef: { kind: 'Issuer', name: 'kaap-webhook-selfsigned' } });
    const issuer = find(objects, 'Issuer', 'kaap-webhook') as unknown as { spec: { ca: { secretName: string } } };
    expect(issuer.spec.ca.secretName).toBe(authority.secretName);
    const named = template([
      ...own,
      '--set=webhook.certManager.issuer.kind=ClusterIssuer,webhook.certManager.issuer.name=x',
    ]);
    expect(named.filter(({ kind }) => kind === 'Issuer')).toEqual([]);
    expect(certificate(named, 'kaap-webhook').issuerRef).toEqual({
      kind: 'ClusterIssuer',
      name: 'x',
      group: 'cert-manager.io',
    });
  });

  test('A14: needs no right to write anything', () => {
    const verbs = template(own)
      .filter(({ kind, metadata }) => kind.endsWith('Role') && metadata.name === 'kaap-webhook')
      .flatMap((object) => (object as unknown as { rules: { verbs: string[] }[] }).rules)
      .flatMap((rule) => rule.verbs);
    expect(new Set(verbs)).toEqual(new Set(['get', 'list', 'watch']));
  });
});

describe.each(settings)('with %s', (_name, args) => {
  test('helm lint has nothing to say', () => {
    const outcome = helm(['lint', chart, '--strict', '--quiet', '--namespace', namespace, ...args]);
    expect(outcome).toMatchObject({ status: 0 });
  });

  test('no object appears twice, and none outside the namespace of the release', () => {
    const objects = template(args);
    const names = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
    for (const { metadata } of objects) expect([namespace, undefined]).toContain(metadata.namespace);
  });

  test('every pod runs restricted: no root, no privilege, no capability, nothing to write to but what it needs', () => {
    const pods = podsOf(template(args));
    expect(pods.length).toBeGreaterThanOrEqual(3);
    for (const [, pod] of pods) {
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(container.resources).toMatchObject({
          requests: expect.anything() as object,
          limits: expect.anything() as object,
        });
      }
    }
  });

  test('every process has a service account of its own', () => {
    const accounts = podsOf(template(args)).map(([, pod]) => pod.serviceAccountName);
    expect(new Set(accounts).size).toBe(accounts.length);
    expect(accounts).not.toContain('default');
  });
});

describe('the default values', () => {
  const objects = template();
  const pods = Object.fromEntries(podsOf(objects));

  test('give each process its own image', () => {
    const images = Object.values(pods).flatMap((pod) => pod.containers.map(({ image }) => image));
    expect(images.toSorted()).toEqual(
      ['cli', 'kms', 'operator', 'webhook'].map((process) => `localhost/kaap/${process}:0.1.0`),
    );
  });

  test('H5: nobody but the node may read metrics over the network', () => {
    for (const component of ['kms', 'operator', 'webhook']) {
      const policy = find(objects, 'NetworkPolicy', `kaap-${component}`);
      expect(JSON.stringify(policy['spec'])).not.toContain('9090');
      expect(policy['spec']).toMatchObject({ policyTypes: ['Ingress', 'Egress'] });
    }
  });

  test('I5: no process relies on a network policy to reach the KMS in private: all of them check its certificate', () => {
    for (const component of ['operator', 'webhook']) {
      const env = pods[`kaap-${component}`]?.containers[0]?.env;
      expect(env).toContainEqual({ name: 'KAAP_ENDPOINT', value: `https://kaap-kms.${namespace}.svc` });
      expect(env).toContainEqual({ name: 'KAAP_CA_FILE', value: '/etc/kaap/trust/ca.crt' });
    }
  });

  test('the KMS alone mounts the seal key and the key of the CA', () => {
    const mounting = Object.entries(pods).filter(([, pod]) => JSON.stringify(pod.volumes).includes('secretName'));
    expect(mounting.map(([name]) => name)).toEqual(['kaap-kms']);
  });

  test('the webhook is asked about labelled pods only, and never about its own namespace or kube-system', () => {
    expect(find(objects, 'MutatingWebhookConfiguration', 'kaap')['webhooks']).toMatchObject([
      {
        failurePolicy: 'Fail',
        reinvocationPolicy: 'IfNeeded',
        sideEffects: 'None',
        timeoutSeconds: 5,
        objectSelector: { matchLabels: { 'kaap.dev/inject': 'true' } },
        namespaceSelector: { matchExpressions: [{ operator: 'NotIn', values: [namespace, 'kube-system'] }] },
      },
    ]);
  });

  test('state is on a volume', () => {
    expect(find(objects, 'StatefulSet', 'kaap-kms')['spec']).toMatchObject({
      replicas: 1,
      volumeClaimTemplates: [{ spec: { resources: { requests: { storage: '4Gi' } } } }],
    });
  });

  test('the definitions of the kinds outlive the release', () => {
    const definitions = objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
    expect(definitions).toHaveLength(Object.keys(customResourceTypes).length);
    for (const { metadata } of definitions) expect(metadata.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' });
  });
});

describe('what agents ask for', () => {
  const resourcesOf = (args: string[]): unknown => {
    const [webhook] = Object.fromEntries(podsOf(template(args)))['kaap-webhook']?.containers ?? [];
    const environment = Object.fromEntries((webhook?.env ?? []).map(({ name, value }) => [name, value ?? '']));
    return agentResources(readConfig(z.object(agentResourceVariables), environment));
  };

  test('is what the webhook would say by itself, unless it is set', () => {
    expect(resourcesOf([])).toEqual(defaultResources);
  });

  test('is set for pods of the class Guaranteed apart from others', () => {
    const set = ['agent.resources.limits.cpu=null', 'agent.resources.requests.cpu=25m'];
    const args = set.map((value) => `--set=webhook.${value}`);
    expect(resourcesOf([...args, '--set-string=webhook.agent.guaranteedResources.cpu=1'])).toEqual({
      burstable: { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '128Mi' } },
      guaranteed: { requests: { cpu: '1', memory: '128Mi' }, limits: { cpu: '1', memory: '128Mi' } },
    });
  });
});

describe('a database', () => {
  const database = ['--set', 'kms.database.existingSecret=pg'];
  const kms = (args: string[]): PodSpec =>
    Object.fromEntries(podsOf(template(args)))['kaap-kms'] ?? expect.unreachable('there is no kaap-kms');

  test('is given to the KMS as a file from a Secret, and in no environment variable', () => {
    const pod = kms(database);
    expect(pod.volumes).toContainEqual({ name: 'database', secret: { secretName: 'pg', defaultMode: 0o440 } });
    const variables = pod.containers[0]?.env.filter(({ name }) => name.startsWith('KAAP_DATABASE'));
    expect(variables).toEqual([{ name: 'KAAP_DATABASE_URL_FILE', value: '/etc/kaap/database/url' }]);
  });

  test('lets any number of pods work at once, each with a volume for its audit log, and one may be away', () => {
    const objects = template([...database, '--set', 'kms.replicas=3']);
    expect(find(objects, 'StatefulSet', 'kaap-kms')['spec']).toMatchObject({
      replicas: 3,
      podManagementPolicy: 'Parallel',
      volumeClaimTemplates: [{ metadata: { name: 'data' } }],
    });
    expect(find(objects, 'PodDisruptionBudget', 'kaap-kms')['spec']).toMatchObject({ maxUnavailable: 1 });
  });

  test('is the one thing that the network policy of the KMS lets through besides DNS and the API server', () => {
    const ports = (args: string[]): unknown[] =>
      (find(template(args), 'NetworkPolicy', 'kaap-kms')['spec'] as { egress: { ports: unknown[] }[] }).egress.flatMap(
        (rule) => rule.ports,
      );
    const added = ports(database).slice(ports([]).length);
    expect(added).toEqual([{ port: 5432, protocol: 'TCP' }]);
  });

  test('is needed for more than one pod: the chart says so', () => {
    const { status, errors } = helm(['template', 'kaap', chart, '--namespace', namespace, '--set', 'kms.replicas=2']);
    expect(status).not.toBe(0);
    expect(errors).toContain('set kms.database.existingSecret');
  });
});

describe('the rotation hook', () => {
  const url = 'https://hook.example.com:9443/rotate';
  const hook = [`--set=kms.rotationHook.url=${url}`, '--set=kms.rotationHook.existingSecret=hook'];

  test('is given to the KMS as files from a Secret, with its port in the network policy', () => {
    const objects = template([...hook, '--set=kms.rotationHook.port=9443']);
    const pod = Object.fromEntries(podsOf(objects))['kaap-kms'];
    expect(pod?.volumes).toContainEqual({ name: 'rotation-hook', secret: { secretName: 'hook', defaultMode: 0o440 } });
    expect(pod?.containers[0]?.env.filter(({ name }) => name.startsWith('KAAP_ROTATION_HOOK'))).toEqual([
      { name: 'KAAP_ROTATION_HOOK_URL', value: url },
      { name: 'KAAP_ROTATION_HOOK_KEY_FILE', value: '/etc/kaap/rotation-hook/hook.key' },
      { name: 'KAAP_ROTATION_HOOK_CA_FILE', value: '/etc/kaap/rotation-hook/ca.crt' },
    ]);
    expect(find(objects, 'NetworkPolicy', 'kaap-kms')['spec']).toMatchObject({
      egress: expect.arrayContaining([{ ports: [{ port: 9443, protocol: 'TCP' }] }]) as unknown[],
    });
  });

  test('is none unless asked for, and never half of one', () => {
    expect(JSON.stringify(template())).not.toContain('rotation-hook');
    const { status, errors } = helm(['template', 'kaap', chart, '--namespace', namespace, ...hook.slice(0, 1)]);
    expect(status).not.toBe(0);
    expect(errors).toContain('kms.rotationHook needs both url and existingSecret');
  });
});

describe('the STS that proves callers of another account', () => {
  const caller = [
    '--set=kms.callerIdentity.stsUrl=https://sts.example.com:9443',
    '--set=kms.callerIdentity.audience=kaap-prod',
    '--set=kms.callerIdentity.caConfigMap=sts-ca',
  ];

  test('is given to the KMS with the authorities that vouch for it, and its port in the network policy', () => {
    const objects = template([...caller, '--set=kms.callerIdentity.port=9443']);
    const pod = Object.fromEntries(podsOf(objects))['kaap-kms'];
    expect(pod?.volumes).toContainEqual({ name: 'caller-identity', configMap: { name: 'sts-ca' } });
    expect(pod?.containers[0]?.env.filter(({ name }) => name.startsWith('KAAP_CALLER_IDENTITY'))).toEqual([
      { name: 'KAAP_CALLER_IDENTITY_STS_URL', value: 'https://sts.example.com:9443' },
      { name: 'KAAP_CALLER_IDENTITY_AUDIENCE', value: 'kaap-prod' },
      { name: 'KAAP_CALLER_IDENTITY_CA_FILE', value: '/etc/kaap/caller-identity/ca.crt' },
    ]);
    expect(find(objects, 'NetworkPolicy', 'kaap-kms')['spec']).toMatchObject({
      egress: expect.arrayContaining([{ ports: [{ port: 9443, protocol: 'TCP' }] }]) as unknown[],
    });
  });

  test('is none unless asked for, and never a part of one', () => {
    expect(JSON.stringify(template())).not.toContain('CALLER_IDENTITY');
    for (const part of caller) {
      const { status, errors } = helm(['template', 'kaap', chart, '--namespace', namespace, part]);
      expect(status).not.toBe(0);
      expect(errors).toContain('kms.callerIdentity needs stsUrl, audience and caConfigMap');
    }
  });
});

describe('the audit log', () => {
  const configOf = (args: string[]): ReturnType<typeof readKmsConfig> => {
    const kms = find(template(args), 'StatefulSet', 'kaap-kms') as unknown as {
      spec: { template: { spec: PodSpec } };
    };
    const env = kms.spec.template.spec.containers[0]?.env ?? [];
    return readKmsConfig(Object.fromEntries(env.map(({ name, value }) => [name, value ?? 'x'])));
  };

  test('refuses when it cannot be written, and has its head in a ConfigMap, unless told otherwise', () => {
    const anchorConfigMap = { namespace, name: 'kaap-audit-anchor' };
    expect(configOf([]).audit).toEqual({ buffer: undefined, anchorFile: undefined, anchorConfigMap });
    const buffered = configOf(['--set=kms.audit.whenFull=buffer', '--set=kms.audit.anchorConfigMap=false']);
    expect(buffered.audit).toMatchObject({ buffer: { maxBytes: 16_777_216 }, anchorConfigMap: undefined });
  });
});

interface Rule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

/** Everything that the roles of a component allow, a line each. */
function rights(objects: readonly RenderedObject[], name: string): string[] {
  const roles = objects.filter(({ kind, metadata }) => kind.endsWith('Role') && metadata.name === name);
  return roles.flatMap(({ kind, rules }) =>
    (rules as Rule[]).flatMap(({ resources, resourceNames = ['*'], verbs }) =>
      resources.map((resource) => `${kind} ${resource} ${resourceNames.join()} ${verbs.join()}`),
    ),
  );
}

describe('rights', () => {
  const objects = template();

  test('of the KMS: to ask whether a token is real, and to keep the head of its audit log', () => {
    const review = 'ClusterRole tokenreviews * create';
    expect(rights(objects, 'kaap-kms')).toEqual([review, 'Role configmaps kaap-audit-anchor get,patch']);
    expect(rights(template(['--set=kms.audit.anchorConfigMap=false']), 'kaap-kms')).toEqual([review]);
    expect(rights(template(['--set=kms.persistence.enabled=false']), 'kaap-kms')).toEqual([review]);
  });

  test('A14: of the webhook: what it reads, its own configuration and its own certificate', () => {
    expect(rights(objects, 'kaap-webhook')).toEqual([
      'ClusterRole secretbindings * get,list,watch',
      'ClusterRole applicationaccesspoints * get,list,watch',
      'ClusterRole mutatingwebhookconfigurations kaap get,patch',
      'Role secrets * create',
      'Role secrets kaap-webhook-cert get,update',
    ]);
  });

  test('of the operator: of Secrets, to create one and nothing else', () => {
    const lines = rights(objects, 'kaap-operator');
    expect(lines.filter((line) => line.includes(' secrets '))).toEqual(['ClusterRole secrets * create']);
    expect(lines.filter((line) => /delete|\*$|escalate|impersonate|bind$/.test(line))).toEqual([]);
  });

  test('of the bootstrap: to create, and to see whether its own three objects exist', () => {
    expect(rights(objects, 'kaap-bootstrap')).toEqual([
      'Role secrets * create',
      'Role configmaps * create',
      'Role secrets kaap-kms-ca,kaap-kms-seal get',
      'Role configmaps kaap-kms-trust get',
    ]);
  });

  test('of everybody: no wildcard', () => {
    for (const { kind, rules } of objects) {
      if (kind.endsWith('Role')) expect(JSON.stringify(rules)).not.toContain('"*"');
    }
  });
});

describe('values that are refused', () => {
  test.each([
    ['a misspelt value', 'kms.persistance.enabled=false', 'persistance'],
    ['a value of the wrong type', 'webhook.replicas=two', '/webhook/replicas'],
    ['an account id of the wrong length', 'accountId=12345', '/accountId'],
    ['an unknown pull policy', 'image.pullPolicy=Sometimes', '/image/pullPolicy'],
    ['an instance id that is none', 'kms.instances={shared}', '/kms/instances/0'],
    ['a timeout that an API server would refuse', 'webhook.timeoutSeconds=60', '/webhook/timeoutSeconds'],
  ])('%s', (_title, setting, names) => {
    const outcome = helm(['template', 'kaap', chart, '--set', setting]);
    expect(outcome.status).not.toBe(0);
    expect(outcome.errors).toContain(names);
  });
});

test('a change of the default values changes nothing that is not meant: names are fixed', () => {
  const names = template(values('everything')).map(({ kind, metadata }) => `${kind}/${metadata.name}`);
  expect(names).toContain('ServiceMonitor/kaap');
  expect(names).toContain('Service/kaap-metrics');
  expect(names).toContain('Service/kaap-kms');
});

test('alerts and dashboard ask for metrics that there are', () => {
  const rule = template(values('everything')).find(({ kind }) => kind === 'PrometheusRule');
  const dashboard = readFileSync(join(chart, 'dashboards/kaap.json'), 'utf8');
  const asked = [...`${JSON.stringify(rule)}${dashboard}`.matchAll(/kaap_[a-z_]+/g)].map(([name]) =>
    name.replace(/_(bucket|sum|count)$/, ''),
  );
  expect(rule).toBeDefined();
  expect(asked.length).toBeGreaterThan(10);
  expect(asked.filter((name) => !Object.hasOwn(metricTable, name))).toEqual([]);
});

test('every alert says what to do', () => {
  const rule = template(values('everything')).find(({ kind }) => kind === 'PrometheusRule') as unknown as {
    spec: { groups: { rules: { alert: string; annotations: { summary?: string; description?: string } }[] }[] };
  };
  const alerts = rule.spec.groups.flatMap(({ rules }) => rules);
  const guide = readFileSync(join(chart, '../../docs/guides/monitoring.md'), 'utf8');
  for (const { alert, annotations } of alerts) {
    expect(annotations.summary, alert).toMatch(/\.$/);
    expect(annotations.description, alert).toMatch(/\.$/);
    expect(guide, alert).toContain(`\`${alert}\``);
  }
});

test('NOTES tell a user without persistence that nothing is kept', () => {
  const notes = succeeded(
    helm(['install', 'kaap', chart, '--dry-run=client', '--namespace', namespace, ...values('tests')]),
  );
  expect(notes).toContain('WARNING: kms.persistence.enabled is false');
});

test('the KMS understands every variable that the chart gives it', () => {
  const [, pod] = podsOf(template(values('everything'))).find(([name]) => name === 'kaap-kms') ?? [];
  const env = Object.fromEntries((pod?.containers[0]?.env ?? []).map(({ name, value }) => [name, value]));
  // Its content is read in test/chart/render/hsm.test.ts.
  expect(env['KAAP_INSTANCES_FILE']).toBe('/etc/kaap/instances/instances.yaml');
  expect(readKmsConfig({ ...env, KAAP_INSTANCES_FILE: undefined })).toMatchObject({
    region: 'cn-hangzhou',
    accountId: '1234567890123456',
    listen: { port: 8443 },
    metricsListen: { port: 9090 },
    servingNames: expect.arrayContaining([`kaap-kms.${namespace}.svc`, 'kms.example.com', '192.0.2.10']) as string[],
    tokenReview: true,
    operatorServiceAccount: `${namespace}:kaap-operator`,
    trustedProxies: ['10.0.0.0/8'],
    rateLimits: { callerPerSecond: 1000, anonymousPerSecond: 200 },
    database: { file: '/etc/kaap/database/uri' },
  });
});
