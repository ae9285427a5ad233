import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { hsmVariables } from '../../../src/cmd/hsm-config.ts';
import { readProxyConfig } from '../../../src/xki/proxy-config.ts';
import { namespace, template } from '../programs.ts';
import { containerOf, environmentOf, fileOf, find, mountsOf, podOf, refusal, values } from './objects.ts';

const minimal = {
  enabled: true,
  tls: { existingSecret: 'xki-tls' },
  sealKeySecret: { name: 'xki-seal' },
  prefixes: [
    {
      path: '/bank',
      keyIds: ['payments'],
      credentials: [{ accessKeyId: 'BANKKEY2222222222222', secret: { name: 'a', key: 'b' } }],
    },
  ],
};
const proxy = (value: object): string[] => [`--set-json=xkiProxy=${JSON.stringify(value)}`];

describe('the proxy of an owner', () => {
  const objects = template(values('held-keys'));
  const pod = podOf(objects, 'Deployment', 'kaap-xki-proxy');
  const container = containerOf(pod, 'xki-proxy');
  const policy = find(objects, 'NetworkPolicy', 'kaap-xki-proxy')['spec'];

  test('is not there unless asked for', () => {
    expect(template().filter(({ metadata }) => metadata.name.includes('xki'))).toEqual([]);
  });

  test('reads the configuration that the chart writes, and nothing secret is in it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'kaap-proxy-'));
    const file = join(folder, 'proxy.yaml');
    writeFileSync(file, fileOf(objects, 'kaap-xki-proxy', 'proxy.yaml'));
    const config = readProxyConfig(file);
    rmSync(folder, { recursive: true });
    expect(config).toMatchObject({
      region: 'cn-hangzhou',
      tls: {
        certificateFile: '/etc/kaap/tls/tls.crt',
        keyFile: '/etc/kaap/tls/tls.key',
        clientCaFile: '/etc/kaap/client-ca/ca.crt',
      },
      keys: { kind: 'file', file: '/var/lib/kaap/keys.json', sealKeyFile: '/etc/kaap/seal/seal.key' },
      auditDir: '/var/lib/kaap/audit',
      rateLimit: { perCredential: 1800, perKey: 0 },
      policyUrl: 'https://opa.bank.example:8181/v1/data/xki/allow',
      prefixes: [
        {
          path: '/ours',
          keyIds: ['payments', 'ledger'],
          credentials: [
            { accessKeyId: 'OURKEY22222222222222', secretAccessKeyFile: '/etc/kaap/credentials/0-0' },
            { accessKeyId: 'OURKEY33333333333333', secretAccessKeyFile: '/etc/kaap/credentials/0-1' },
          ],
        },
      ],
    });
    expect(environmentOf(container)['KAAP_XKI_CONFIG']).toBe('/etc/kaap/proxy/proxy.yaml');
  });

  test('has every file of its configuration from the Secret that the values name', () => {
    expect(mountsOf(container)).toEqual({
      '/etc/kaap/proxy': 'configuration',
      '/etc/kaap/credentials': 'credentials',
      '/etc/kaap/seal': 'seal',
      '/etc/kaap/tls': 'tls',
      '/etc/kaap/client-ca': 'client-ca',
      '/etc/kaap/policy-ca': 'policy-ca',
      '/var/lib/kaap': 'data',
      '/tmp': 'tmp',
    });
    expect(pod.volumes.find(({ name }) => name === 'credentials')).toMatchObject({
      projected: {
        sources: [
          { secret: { name: 'xki-credential', items: [{ key: 'current', path: '0-0' }] } },
          { secret: { name: 'xki-credential', items: [{ key: 'next', path: '0-1' }] } },
        ],
      },
    });
    expect(environmentOf(container)['NODE_EXTRA_CA_CERTS']).toBe('/etc/kaap/policy-ca/ca.crt');
  });

  test('E4: is called by kms and by whom the values name, and calls the policy engine alone', () => {
    expect(policy).toMatchObject({
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        {
          from: [
            { podSelector: { matchLabels: { 'app.kubernetes.io/component': 'kms' } } },
            { ipBlock: { cidr: '203.0.113.0/24' } },
          ],
          ports: [{ port: 8443, protocol: 'TCP' }],
        },
      ],
    });
    const ports = (policy as { egress: { ports: { port: number }[] }[] }).egress.flatMap((rule) => rule.ports);
    expect(ports.map(({ port }) => port)).toEqual([53, 53, 8181]);
  });

  test('without a policy engine, is let out to nobody', () => {
    const spec = find(template(proxy(minimal)), 'NetworkPolicy', 'kaap-xki-proxy')['spec'];
    expect(spec).toMatchObject({ egress: [] });
  });

  test('runs once: two processes would write one file of keys and one audit log', () => {
    expect(find(objects, 'Deployment', 'kaap-xki-proxy')['spec']).toMatchObject({
      replicas: 1,
      strategy: { type: 'Recreate' },
    });
  });

  test('has no token of the API server', () => {
    expect(pod).toMatchObject({ serviceAccountName: 'kaap-xki-proxy', automountServiceAccountToken: false });
  });

  test('leaves the volume with the keys of the owner when it is uninstalled', () => {
    const claim = find(objects, 'PersistentVolumeClaim', 'kaap-xki-proxy');
    expect(claim.metadata.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' });
    expect(claim['spec']).toMatchObject({ storageClassName: 'fast', resources: { requests: { storage: '2Gi' } } });
  });

  test('can be rendered without the rest of Kaap, for an owner elsewhere', () => {
    const own = template([...proxy(minimal), '--show-only=templates/xki-proxy-*.yaml']);
    expect(own.map(({ kind, metadata }) => `${kind} ${metadata.namespace} ${metadata.name}`).toSorted()).toEqual(
      ['ConfigMap', 'Deployment', 'NetworkPolicy', 'PersistentVolumeClaim', 'Service', 'ServiceAccount'].map(
        (kind) => `${kind} ${namespace} kaap-xki-proxy`,
      ),
    );
  });
});

describe('the HSM of an owner', () => {
  const hsm = {
    enabled: true,
    module: '/opt/vendor/lib/libvendor-pkcs11.so',
    token: 'keys of the bank',
    pinSecret: { name: 'bank-pin', key: 'user' },
    egress: [{ to: [{ ipBlock: { cidr: '198.51.100.9/32' } }], ports: [{ port: 1792, protocol: 'TCP' }] }],
  };
  const objects = template(proxy({ ...minimal, hsm }));
  const pod = podOf(objects, 'Deployment', 'kaap-xki-proxy');

  test('is worked by a sidecar of the proxy, by the socket that the configuration of the proxy names', () => {
    expect(pod.initContainers?.map(({ name, restartPolicy }) => [name, restartPolicy])).toEqual([['hsm', 'Always']]);
    const sidecar = environmentOf(containerOf(pod, 'hsm'));
    expect(z.object(hsmVariables).parse(sidecar)).toMatchObject({
      KAAP_HSM_MODULE: hsm.module,
      KAAP_HSM_TOKEN: hsm.token,
      KAAP_HSM_PIN_FILE: '/etc/kaap/hsm/pin',
    });
    const folder = mkdtempSync(join(tmpdir(), 'kaap-proxy-'));
    const file = join(folder, 'proxy.yaml');
    writeFileSync(file, fileOf(objects, 'kaap-xki-proxy', 'proxy.yaml'));
    const { keys } = readProxyConfig(file);
    rmSync(folder, { recursive: true });
    expect(keys).toEqual({
      kind: 'pkcs11',
      file: '/var/lib/kaap/keys.json',
      sealKeyFile: '/etc/kaap/seal/seal.key',
      socket: sidecar['KAAP_HSM_SOCKET'],
    });
  });

  test('F2, F3: its PIN is the sidecar’s alone, its socket the sidecar’s and the proxy’s', () => {
    const containers = [...(pod.initContainers ?? []), ...pod.containers];
    const mounting = (volume: string): string[] =>
      containers.filter((one) => Object.values(mountsOf(one)).includes(volume)).map(({ name }) => name);
    expect(mounting('hsm-pin')).toEqual(['hsm']);
    expect(mounting('hsm-socket')).toEqual(['hsm', 'xki-proxy']);
    expect(mounting('data')).toEqual(['xki-proxy']);
    expect(pod.volumes).toContainEqual({
      name: 'hsm-pin',
      secret: { secretName: 'bank-pin', defaultMode: 0o440, items: [{ key: 'user', path: 'pin' }] },
    });
  });

  test('is all that the pod is let out to, besides the policy engine', () => {
    const egress = (value: object): unknown[] =>
      (find(template(proxy(value)), 'NetworkPolicy', 'kaap-xki-proxy')['spec'] as { egress: unknown[] }).egress;
    expect(egress({ ...minimal, hsm })).toEqual([
      ...hsm.egress,
      expect.objectContaining({ ports: expect.anything() as unknown }),
    ]);
    expect(egress({ ...minimal, hsm: { ...hsm, egress: [] } })).toEqual([]);
    const engine = { url: 'https://opa.bank.example:8181/v1/data/xki/allow' };
    expect(JSON.stringify(egress({ ...minimal, hsm, policy: engine }))).toContain('8181');
  });

  test('can be SoftHSM2, with its token on the volume of the proxy', () => {
    const tryOut = { ...hsm, module: '', softhsm2: { enabled: true }, egress: [] };
    const trying = podOf(template(proxy({ ...minimal, hsm: tryOut })), 'Deployment', 'kaap-xki-proxy');
    expect(trying.initContainers?.map(({ name }) => name)).toEqual(['hsm-token', 'hsm']);
    expect(mountsOf(containerOf(trying, 'hsm'))).toMatchObject({ '/var/lib/softhsm': 'data/softhsm2' });
  });
});

describe('what cannot work is refused, and the refusal says what to set', () => {
  const [first] = minimal.prefixes;
  const [credential] = first?.credentials ?? [];
  const withPrefix = (value: object): object => ({ ...minimal, prefixes: [{ ...first, ...value }] });

  test.each([
    ['no certificate', { ...minimal, tls: {} }, 'set xkiProxy.tls.existingSecret'],
    ['no seal key', { ...minimal, sealKeySecret: {} }, 'set xkiProxy.sealKeySecret.name'],
    ['nobody to serve', { ...minimal, prefixes: [] }, 'set xkiProxy.prefixes'],
    ['a path that is there twice', { ...minimal, prefixes: [first, first] }, 'has the path "/bank" twice'],
    ['no credential', withPrefix({ credentials: [] }), '/xkiProxy/prefixes/0/credentials'],
    ['three credentials', withPrefix({ credentials: [credential, credential, credential] }), '/credentials'],
    [
      'an access key id that is none',
      withPrefix({ credentials: [{ ...credential, accessKeyId: 'short' }] }),
      '/accessKeyId',
    ],
    [
      'a secret in the values',
      withPrefix({ credentials: [{ ...credential, secretAccessKey: 'x' }] }),
      'secretAccessKey',
    ],
    ['an HSM without a label', { ...minimal, hsm: { enabled: true } }, 'set xkiProxy.hsm.token'],
    ['a path with a slash at its end', withPrefix({ path: '/bank/' }), '/xkiProxy/prefixes/0/path'],
    ['an id of a key that is a path', withPrefix({ keyIds: ['a/b'] }), '/keyIds/0'],
    [
      'an authority for a policy engine without TLS',
      { ...minimal, policy: { url: 'http://opa', caSecret: { name: 'a' } } },
      'set xkiProxy.policy.url to an https URL',
    ],
  ])('%s', (_title, value, words) => {
    expect(refusal(proxy(value))).toContain(words);
  });
});
