import { describe, expect, test } from 'vitest';
import { parseAgentConfig } from '../../webhook/agent/agent-config.ts';
import { plan, type Installation, type PlanContext } from '../../webhook/plan.ts';
import type { Container, Pod } from '../../webhook/pod.ts';
import { renderPod } from '../../webhook/render-pod.ts';
import { aBinding, aContext, anAccessPoint, aPod, installation } from './support/fixtures.ts';

function inject(pod: Pod, context: PlanContext = aContext(), on: Installation = installation): Pod {
  const result = plan(pod, context, on);
  if (!result.allowed) throw new Error(`refused: ${result.message}`);
  return renderPod(pod, result.patch);
}

function refusal(pod: Pod, context: PlanContext = aContext(), on: Installation = installation): string {
  const result = plan(pod, context, on);
  if (result.allowed) throw new Error('the pod was admitted');
  return result.message;
}

function container(pod: Pod, name: string): Container {
  const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const found = all.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no container ${name}`);
  return found;
}

function agentConfig(pod: Pod): ReturnType<typeof parseAgentConfig> {
  return parseAgentConfig(container(pod, 'kaap-agent').env?.[0]?.value ?? '');
}

describe('a pod that asks for injection', () => {
  test('gets the agent as its first init container, with a hook that holds up what follows', () => {
    const pod = inject(aPod({ initContainers: [{ name: 'migrate' }] }));
    expect(pod.spec.initContainers?.map(({ name }) => name)).toEqual(['kaap-agent', 'migrate']);
    expect(container(pod, 'kaap-agent')).toMatchObject({
      restartPolicy: 'Always',
      image: 'kaap/agent:1',
      lifecycle: { postStart: { exec: { command: ['/kaap-exec', 'wait', '/kaap/env/.ready'] } } },
      securityContext: {
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
        readOnlyRootFilesystem: true,
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      },
    });
  });

  test('gets its variables by fileKeyRef in every container, before its own', () => {
    const own = { name: 'URL', value: 'db://$(DB_PASSWORD)@db' };
    const pod = inject(
      aPod({ containers: [{ name: 'app', env: [own] }, { name: 'side' }], initContainers: [{ name: 'migrate' }] }),
    );
    const variable = {
      name: 'DB_PASSWORD',
      valueFrom: { fileKeyRef: { volumeName: 'kaap-env', path: 'env', key: 'DB_PASSWORD', optional: false } },
    };
    expect(container(pod, 'app').env).toEqual([variable, own]);
    expect(container(pod, 'side').env).toEqual([variable]);
    expect(container(pod, 'migrate').env).toEqual([variable]);
  });

  test('gets its files on memory, mounted read-only, in the containers that the binding names alone (A10)', () => {
    const context = aContext([aBinding({ containers: ['app'] })]);
    const pod = inject(aPod({ containers: [{ name: 'app' }, { name: 'side' }] }), context);
    const mount = container(pod, 'app').volumeMounts?.[0];
    expect(mount).toMatchObject({ name: 'kaap-files', mountPath: '/var/run/secrets/kaap', readOnly: true });
    expect(agentConfig(pod).bindings[0]?.files).toEqual([
      { path: `/kaap/files/${mount?.subPath}/db.json`, source: 'db', mode: '0440' },
    ]);
    expect(container(pod, 'side')).toEqual({ name: 'side' });
    expect(pod.spec.volumes?.filter((volume) => volume.emptyDir?.medium !== 'Memory').map(({ name }) => name)).toEqual([
      'kaap-token',
    ]);
  });

  test('gets a token whose audience is the access point and nothing else', () => {
    const pod = inject(aPod());
    expect(pod.spec.volumes?.[0]).toEqual({
      name: 'kaap-token',
      projected: {
        defaultMode: 0o644,
        sources: [
          {
            serviceAccountToken: {
              audience: 'kaap.dev/access-point/shop',
              expirationSeconds: 3600,
              path: 'shop',
            },
          },
        ],
      },
    });
    expect(agentConfig(pod).bindings[0]?.identity).toEqual({
      method: 'ServiceAccountRole',
      roleArn: 'acs:ram::1000000000000000:role/shop',
      oidcProviderArn: 'acs:ram::1000000000000000:oidc-provider/kubernetes',
      tokenFile: '/kaap/token/shop',
      sessionName: 'shop.web',
    });
  });

  test('gets the files of two bindings at one place through one mount, and each container sees its own only', () => {
    const other = aBinding(
      { env: [], files: [{ path: 'tls.pem', source: 'db', mode: '0440' }], containers: ['side'] },
      'tls',
    );
    const pod = inject(aPod({ containers: [{ name: 'app' }, { name: 'side' }] }), aContext([aBinding(), other]));
    const folder = (name: string): string => container(pod, name).volumeMounts?.[0]?.subPath ?? '';
    const paths = agentConfig(pod).bindings.flatMap(({ files }) => files.map(({ path }) => path));
    expect(folder('app')).not.toBe(folder('side'));
    expect(paths.toSorted()).toEqual(
      [`${folder('app')}/db.json`, `${folder('side')}/db.json`, `${folder('side')}/tls.pem`]
        .map((path) => `/kaap/files/${path}`)
        .toSorted(),
    );
  });

  test('can read files of mode 0440 through a group: its fsGroup, or one that is added', () => {
    expect(inject(aPod()).spec.securityContext).toEqual({ supplementalGroups: [65532] });
    expect(inject(aPod({ securityContext: { runAsUser: 7, supplementalGroups: [3] } })).spec.securityContext).toEqual({
      runAsUser: 7,
      supplementalGroups: [3, 65532],
    });
    expect(inject(aPod({ securityContext: { fsGroup: 9 } })).spec.securityContext).toEqual({ fsGroup: 9 });
    const envOnly = aContext([aBinding({ files: [] })]);
    expect(inject(aPod(), envOnly).spec.securityContext).toBeUndefined();
  });

  test('that runs as root still has an agent that does not', () => {
    const pod = inject(aPod({ securityContext: { runAsUser: 0 } }));
    expect(container(pod, 'kaap-agent').securityContext).toMatchObject({ runAsUser: 65532, runAsNonRoot: true });
  });

  test('keeps the class Guaranteed when it had it', () => {
    const quantities = { cpu: '2', memory: '1Gi' };
    const sized = { name: 'app', resources: { requests: quantities, limits: quantities } };
    const agent = container(inject(aPod({ containers: [sized] })), 'kaap-agent').resources;
    expect(agent?.requests).toEqual(agent?.limits);
    expect(container(inject(aPod()), 'kaap-agent').resources?.requests?.['cpu']).toBe('10m');
  });

  test.each([
    ['Burstable', {}, { limits: { memory: '96Mi' } }],
    ['Guaranteed', { cpu: '2', memory: '1Gi' }, { requests: { cpu: '1' }, limits: { cpu: '1' } }],
  ])('has an agent that asks for what the installation says in the class %s', (_class, quantities, expected) => {
    const sized = { name: 'app', resources: { requests: quantities, limits: quantities } };
    const burstable = { limits: { memory: '96Mi' } };
    const guaranteed = { requests: { cpu: '1' }, limits: { cpu: '1' } };
    const pod = aPod({ containers: [sized] });
    const patched = inject(pod, aContext(), { ...installation, agentResources: { burstable, guaranteed } });
    expect(container(patched, 'kaap-agent').resources).toEqual(expected);
  });

  test('mounts a client key in the agent only, next to the role that reads its password', () => {
    const serviceAccounts = [{ namespace: 'shop', name: 'web' }];
    const clientKey = { validityDays: 365, secretRef: { namespace: 'shop', name: 'shop-key' }, serviceAccounts };
    const point = { ...anAccessPoint(), spec: { ...anAccessPoint().spec, authentication: { clientKey } } };
    const pod = inject(aPod(), aContext([aBinding()], [point]));
    expect(agentConfig(pod).bindings[0]?.identity).toMatchObject({
      method: 'ClientKey',
      clientKeyFile: '/kaap/client-key/shop/client-key.json',
      unlock: { roleArn: 'acs:ram::1000000000000000:role/kaap-client-key-shop', secretPrefix: 'kaap/client-key/shop/' },
    });
    const mounted = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].filter(({ volumeMounts }) =>
      volumeMounts?.some(({ name }) => name === 'kaap-client-key'),
    );
    expect(mounted.map(({ name }) => name)).toEqual(['kaap-agent']);
    const elsewhere = { ...clientKey, secretRef: { namespace: 'vault', name: 'shop-key' } };
    const far = { ...point, spec: { ...point.spec, authentication: { clientKey: elsewhere } } };
    expect(refusal(aPod(), aContext([aBinding()], [far]))).toContain('kept in the namespace vault');
  });

  test('has no $(NAME) in the configuration of its agent for the kubelet to expand', () => {
    const context = aContext([aBinding({ env: [{ name: 'A', source: 'db', field: '$(PATH)$$.x' }] })]);
    const pod = inject(aPod(), context);
    expect(container(pod, 'kaap-agent').env?.[0]?.value).not.toContain('$');
    expect(agentConfig(pod).bindings[0]?.env[0]?.field).toBe('$(PATH)$$.x');
  });

  test('is warned when its containers share processes', () => {
    const result = plan(aPod({ shareProcessNamespace: true }), aContext(), installation);
    expect(result).toMatchObject({ allowed: true, warnings: [expect.stringContaining('shared process namespace')] });
  });

  test('is warned when it asks the DNS of its node for the Service of the KMS', () => {
    const about = (spec: Partial<Pod['spec']>, endpoint = installation.endpoint): readonly string[] => {
      const result = plan(aPod(spec), aContext(), { ...installation, endpoint });
      return result.allowed ? result.warnings : [];
    };
    for (const spec of [{ hostNetwork: true }, { dnsPolicy: 'Default' }]) {
      expect(about(spec)).toEqual([expect.stringContaining('does not know kaap-kms.kaap-system.svc')]);
      expect(about(spec, 'https://kms.example:8443')).toEqual([]);
    }
    expect(about({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' })).toEqual([]);
    expect(about({})).toEqual([]);
  });
});

describe('bindings', () => {
  const matching: [string, PlanContext['bindings'][number]['spec']['podSelector'], boolean][] = [
    ['an empty selector matches', {}, true],
    ['equal labels match', { matchLabels: { app: 'web' } }, true],
    ['another value does not', { matchLabels: { app: 'api' } }, false],
    ['In matches', { matchExpressions: [{ key: 'app', operator: 'In', values: ['web', 'api'] }] }, true],
    ['NotIn matches an absent label', { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['x'] }] }, true],
    ['NotIn refuses its values', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] }, false],
    ['Exists needs the label', { matchExpressions: [{ key: 'tier', operator: 'Exists' }] }, false],
    ['DoesNotExist needs its absence', { matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] }, true],
    ['an inherited property is no label', { matchExpressions: [{ key: 'toString', operator: 'Exists' }] }, false],
  ];
  test.each(matching)('are chosen by selector: %s', (_, podSelector, matches) => {
    expect(plan(aPod(), aContext([aBinding({ podSelector })]), installation).allowed).toBe(matches);
  });

  test('are chosen by name in place of selectors', () => {
    const other = aBinding({ podSelector: { matchLabels: { app: 'no' } } }, 'other');
    const pod = inject(aPod({}, { annotations: { 'kaap.dev/bindings': 'other' } }), aContext([aBinding(), other]));
    expect(agentConfig(pod).bindings.map(({ name }) => name)).toEqual(['other']);
  });

  test('that list service accounts are for those only', () => {
    const context = aContext([aBinding({ serviceAccounts: ['api'] })]);
    expect(refusal(aPod(), context)).toContain('no SecretBinding in the namespace shop selects it');
    const named = aPod({}, { annotations: { 'kaap.dev/bindings': 'db' } });
    expect(refusal(named, context)).toContain('not for pods of the service account web');
  });
});

describe('a pod is refused', () => {
  const cases: [string, Pod, PlanContext, string][] = [
    ['when nothing is bound to it', aPod(), aContext([]), 'no SecretBinding in the namespace shop'],
    [
      'when it names a binding that does not exist',
      aPod({}, { annotations: { 'kaap.dev/bindings': 'dbb' } }),
      aContext(),
      'SecretBinding dbb, which does not exist',
    ],
    ['when its access point is missing', aPod(), aContext([aBinding()], []), 'access point shop, which does not exist'],
    [
      'when the access point does not list its service account',
      aPod({ serviceAccountName: 'api' }),
      aContext(),
      'access point shop does not list the service account shop/api. Add {namespace: shop, name: api}',
    ],
    [
      'when the container sets the variable itself',
      aPod({ containers: [{ name: 'app', env: [{ name: 'DB_PASSWORD', value: 'x' }] }] }),
      aContext(),
      'The container app sets the environment variable DB_PASSWORD itself',
    ],
    [
      'when two bindings set one variable',
      aPod(),
      aContext([aBinding(), aBinding({ files: [] }, 'db2')]),
      'DB_PASSWORD is set twice: by the SecretBindings db and db2',
    ],
    [
      'A7, A8: when a secret would be expanded into its command line',
      aPod({ containers: [{ name: 'app', args: ['--password=$(DB_PASSWORD)'] }] }),
      aContext(),
      'which would put a secret on its command line',
    ],
    [
      'when two bindings write one file',
      aPod(),
      aContext([aBinding(), aBinding({ env: [] }, 'db2')]),
      "are in each other's place",
    ],
    [
      'when a file is needed as a folder',
      aPod(),
      aContext([aBinding(), aBinding({ env: [], files: [{ path: 'db.json/x', source: 'db', mode: '0440' }] }, 'db2')]),
      "are in each other's place",
    ],
    [
      'when it mounts something where the files go',
      aPod({ containers: [{ name: 'app', volumeMounts: [{ name: 'v', mountPath: '/var/run//secrets/kaap/sub/' }] }] }),
      aContext(),
      'has a mount at /var/run//secrets/kaap/sub/',
    ],
    [
      'when a binding is for a container that it does not have',
      aPod(),
      aContext([aBinding({ containers: ['ap'] })]),
      'is for the container ap, which the pod does not have',
    ],
    [
      'when a file would leave its folder',
      aPod(),
      aContext([aBinding({ files: [{ path: '../x', source: 'db', mode: '0440' }] })]),
      'without ".."',
    ],
    [
      'when only the node can prove the role of the access point',
      aPod(),
      aContext(
        [aBinding()],
        [
          {
            metadata: { name: 'shop' },
            spec: {
              authentication: { ramRole: { trustedRole: 'ECSInstanceRole', roleName: 'shop' } },
              policies: ['p'],
              mode: 'Enforce',
            },
          },
        ],
      ),
      'which a pod cannot prove',
    ],
    ['on Windows', aPod({ os: { name: 'windows' } }), aContext(), 'Windows'],
    [
      'A3: as the mirror of a static pod',
      aPod({}, { annotations: { 'kubernetes.io/config.mirror': 'x' } }),
      aContext(),
      'static pod',
    ],
  ];
  test.each(cases)('%s', (_, pod, context, message) => {
    expect(refusal(pod, context)).toContain(message);
  });
});

test('a pod that asks for nothing is left alone', () => {
  const pod: Pod = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'app' }] } };
  expect(plan(pod, aContext(), installation)).toEqual({ allowed: true, patch: [], warnings: [] });
});

test('a pod with annotations of Kaap but without its label is refused: it would run without its secrets', () => {
  const pod: Pod = {
    metadata: { annotations: { 'kaap.dev/bindings': 'db' } },
    spec: { containers: [{ name: 'app' }] },
  };
  expect(refusal(pod)).toContain('kaap.dev/inject: "true"');
});
