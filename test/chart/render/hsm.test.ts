import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { hsmVariables } from '../../../src/cmd/hsm-config.ts';
import { readInstances } from '../../../src/cmd/instances-config.ts';
import { readKmsConfig } from '../../../src/cmd/kms-config.ts';
import { readSeal } from '../../../src/cmd/seal-config.ts';
import { template } from '../programs.ts';
import { containerOf, environmentOf, fileOf, find, mountsOf, podOf, refusal, values } from './objects.ts';

const softHsm = [
  '--set=kms.hsm.enabled=true',
  '--set=kms.hsm.softhsm2.enabled=true',
  '--set=kms.hsm.token=try',
  '--set=kms.hsm.pinSecret.name=hsm-pin',
];

describe('the HSM process', () => {
  const objects = template(values('held-keys'));
  const pod = podOf(objects, 'StatefulSet', 'kaap-kms');
  const hsm = containerOf(pod, 'hsm');
  const kms = containerOf(pod, 'kms');

  test('is not there unless asked for', () => {
    const plain = podOf(template(), 'StatefulSet', 'kaap-kms');
    expect(plain.initContainers).toBeUndefined();
    expect(JSON.stringify(plain)).not.toContain('hsm');
  });

  test('is a native sidecar of kms, with the image and the module of the vendor', () => {
    expect(pod.initContainers?.map(({ name, restartPolicy }) => [name, restartPolicy])).toEqual([['hsm', 'Always']]);
    expect(hsm.image).toBe('registry.bank.example/hsm-vendor:7');
    expect(z.object(hsmVariables).parse(environmentOf(hsm))).toEqual({
      KAAP_HSM_MODULE: '/opt/vendor/lib/libvendor-pkcs11.so',
      KAAP_HSM_TOKEN: 'kaap production',
      KAAP_HSM_PIN_FILE: '/etc/kaap/hsm/pin',
      KAAP_HSM_SOCKET: '/run/kaap-hsm/private/hsm.sock',
      KAAP_HSM_SESSIONS: '8',
      KAAP_HSM_OAEP: 'native',
      KAAP_HSM_VERIFY_ENCRYPTION: 'false',
      KAAP_HSM_COPY_SECONDS: '30',
      KAAP_HSM_HANG_MS: '20000',
    });
    expect(environmentOf(hsm)).toMatchObject({ KAAP_LOG_LEVEL: 'info', VENDOR_CONFIG: '/opt/vendor/etc/client.conf' });
    expect(mountsOf(hsm)).toMatchObject({ '/opt/vendor/etc': 'vendor' });
  });

  test('F2: has the PIN as a file of a Secret, which no other container mounts', () => {
    expect(pod.volumes).toContainEqual({
      name: 'hsm-pin',
      secret: { secretName: 'hsm-pin', defaultMode: 0o440, items: [{ key: 'user', path: 'pin' }] },
    });
    expect(Object.values(mountsOf(hsm))).toContain('hsm-pin');
    expect(Object.values(mountsOf(kms))).not.toContain('hsm-pin');
  });

  test('F3: shares the folder of its socket with kms and nobody else, and its memory volume with no disk', () => {
    expect(pod.volumes).toContainEqual({ name: 'hsm-socket', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } });
    const mounting = [...(pod.initContainers ?? []), ...pod.containers].filter((container) =>
      Object.values(mountsOf(container)).includes('hsm-socket'),
    );
    expect(mounting.map(({ name }) => name)).toEqual(['hsm', 'kms']);
    expect(pod['shareProcessNamespace']).toBeUndefined();
  });

  test('has neither the state, the seal key nor the token of kms, and kms has not what is the vendor’s', () => {
    expect(Object.keys(mountsOf(hsm)).toSorted()).toEqual([
      '/etc/kaap/hsm',
      '/opt/vendor/etc',
      '/run/kaap-hsm',
      '/tmp',
      '/var/run/secrets/kubernetes.io/serviceaccount',
    ]);
    expect(mountsOf(hsm)['/var/run/secrets/kubernetes.io/serviceaccount']).toBe('hsm-nothing');
    expect(Object.values(mountsOf(kms))).not.toContain('vendor');
  });

  test('is let out to the HSM on the network, and kms to the ports of its proxies', () => {
    const { egress } = find(objects, 'NetworkPolicy', 'kaap-kms')['spec'] as { egress: unknown[] };
    expect(egress.slice(2)).toEqual([
      { ports: [{ port: 8444, protocol: 'TCP' }], to: [{ ipBlock: { cidr: '192.0.2.0/24' } }] },
      {
        to: [
          {
            podSelector: {
              matchLabels: expect.objectContaining({ 'app.kubernetes.io/component': 'xki-proxy' }) as object,
            },
          },
        ],
        ports: [{ port: 8443, protocol: 'TCP' }],
      },
      { to: [{ ipBlock: { cidr: '198.51.100.7/32' } }], ports: [{ port: 1792, protocol: 'TCP' }] },
    ]);
  });
});

describe('the seal of the values', () => {
  test.each([
    ['the Secret kaap-kms-seal', [], { kind: 'file', path: '/etc/kaap/seal/seal.key' }],
    [
      'a key in the HSM',
      ['--set=kms.seal.kind=hsm', '--set=kms.seal.instance=kst-hsm00001'],
      { kind: 'hsm', instance: 'kst-hsm00001' },
    ],
    [
      'a key of the owner',
      ['--set=kms.seal.kind=xki', '--set=kms.seal.instance=kst-bank0001', '--set=kms.seal.keyId=pay.ments_1'],
      { kind: 'xki', instance: 'kst-bank0001', externalKeyId: 'pay.ments_1' },
    ],
  ])('is %s', (_what, args, seal) => {
    const pod = podOf(template([...values('held-keys'), ...args]), 'StatefulSet', 'kaap-kms');
    expect(readSeal(environmentOf(containerOf(pod, 'kms')))).toEqual(seal);
    // Another seal starts without the Secret, and can go back to it while it is there.
    const mounted = pod.volumes.find(({ name }) => name === 'seal');
    expect(mounted?.['secret']).toEqual({
      secretName: 'kaap-kms-seal',
      defaultMode: 0o440,
      ...(seal.kind !== 'file' && { optional: true }),
    });
  });
});

describe('SoftHSM2, to try it out', () => {
  const pod = podOf(template(softHsm), 'StatefulSet', 'kaap-kms');

  test('has its own image and module, and its keys on the volume of the KMS', () => {
    expect(pod.initContainers?.map(({ name, image }) => [name, image])).toEqual([
      ['hsm-token', 'localhost/kaap/hsm-softhsm2:0.1.0'],
      ['hsm', 'localhost/kaap/hsm-softhsm2:0.1.0'],
    ]);
    expect(mountsOf(containerOf(pod, 'hsm'))).toMatchObject({ '/var/lib/softhsm': 'data/softhsm2' });
    expect(environmentOf(containerOf(pod, 'hsm'))).toMatchObject({
      KAAP_HSM_MODULE: '/usr/lib/softhsm/libsofthsm2.so',
    });
  });

  test('F2: shows the PIN of the security officer only to the container that makes the token', () => {
    const mounting = [...(pod.initContainers ?? []), ...pod.containers].filter((container) =>
      Object.values(mountsOf(container)).includes('hsm-so-pin'),
    );
    expect(mounting.map(({ name }) => name)).toEqual(['hsm-token']);
  });
});

describe('the instances of the values', () => {
  const objects = template(values('held-keys'));
  const pod = podOf(objects, 'StatefulSet', 'kaap-kms');
  const folder = mkdtempSync(join(tmpdir(), 'kaap-instances-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('are what kms reads, with every file where it is mounted', () => {
    const mounts = mountsOf(containerOf(pod, 'kms'));
    expect(mounts).toMatchObject({
      '/etc/kaap/instances': 'instances',
      '/etc/kaap/xki/kst-bank0001': 'xki-kst-bank0001',
      '/etc/kaap/xki/kst-ours0001': 'xki-kst-ours0001',
    });
    // The files of the Secrets, elsewhere: kms reads them from below /etc/kaap/xki.
    const text = fileOf(objects, 'kaap-kms-instances', 'instances.yaml').replaceAll('/etc/kaap/xki', folder);
    const credential = { AccessKeyId: 'BANKKEY2222222222222', RawSecretAccessKey: 'k'.repeat(43) };
    const configuration = { XksProxyUriPath: '/given/kms/xks/v1', XksProxyAuthenticationCredential: credential };
    for (const name of text.matchAll(/\/kst-\w+\/[a-z.]+/g)) {
      const path = join(folder, name[0]);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, name[0].endsWith('.json') ? JSON.stringify(configuration) : name[0]);
    }
    const file = join(folder, 'instances.yaml');
    writeFileSync(file, text);
    const secret = { accessKeyId: credential.AccessKeyId, secretAccessKey: credential.RawSecretAccessKey };
    expect(readInstances(file)).toEqual([
      { id: 'kst-soft0001', type: 'Software' },
      { id: 'kst-hsm00001', type: 'Hardware', socket: '/run/kaap-hsm/private/hsm.sock' },
      {
        id: 'kst-bank0001',
        type: 'External',
        endpoint: 'https://keys.bank.example:8444',
        prefix: '/bank',
        credential: secret,
        region: 'cn-hangzhou',
        certificateFingerprint: '0f343b0931126a20f133d67c2b018a3b0f343b0931126a20f133d67c2b018a3b',
        caPem: '/kst-bank0001/ca.crt',
        clientCertificate: { certPem: '/kst-bank0001/tls.crt', keyPem: '/kst-bank0001/tls.key' },
        allowedNetworks: [],
      },
      expect.objectContaining({
        id: 'kst-ours0001',
        prefix: '/given',
        caPem: undefined,
        clientCertificate: undefined,
        allowedNetworks: ['10.96.0.0/12'],
      }),
    ]);
  });

  test('take what is secret from the Secrets that they name, each for its own instance', () => {
    expect(pod.volumes).toContainEqual({
      name: 'xki-kst-bank0001',
      projected: {
        defaultMode: 0o440,
        sources: [
          { secret: { name: 'bank-xki', items: [{ key: 'configuration.json', path: 'configuration.json' }] } },
          { secret: { name: 'bank-ca', items: [{ key: 'root.pem', path: 'ca.crt' }] } },
          {
            secret: {
              name: 'bank-client',
              items: [
                { key: 'tls.crt', path: 'tls.crt' },
                { key: 'tls.key', path: 'tls.key' },
              ],
            },
          },
        ],
      },
    });
  });

  test('are read anew after a change: it replaces the pods of kms', () => {
    const annotation = (...args: string[]): unknown => {
      const { template: pods } = find(template(args), 'StatefulSet', 'kaap-kms')['spec'] as {
        template: { metadata: { annotations: Record<string, string> } };
      };
      return pods.metadata.annotations['kaap.dev/instances'];
    };
    expect(annotation()).toBeUndefined();
    expect(annotation('--set=kms.instances={kst-aaaa}')).not.toBe(annotation('--set=kms.instances={kst-bbbb}'));
  });

  test('that are ids alone are software instances, as before', () => {
    const plain = template(['--set=kms.instances={kst-aaaa,kst-bbbb}']);
    const file = join(folder, 'plain.yaml');
    writeFileSync(file, fileOf(plain, 'kaap-kms-instances', 'instances.yaml'));
    const environment = environmentOf(containerOf(podOf(plain, 'StatefulSet', 'kaap-kms'), 'kms'));
    expect(readKmsConfig({ ...environment, KAAP_INSTANCES_FILE: file }).instances).toEqual([
      { id: 'kst-aaaa', type: 'Software' },
      { id: 'kst-bbbb', type: 'Software' },
    ]);
  });
});

describe('what cannot work is refused, and the refusal says what to set', () => {
  const external = { id: 'kst-bank0001', type: 'External', endpoint: 'https://keys.bank.example' };
  const configurationSecret = { name: 'a', key: 'b' };
  const instance = (value: object): string[] => [`--set-json=kms.instances=${JSON.stringify([value])}`];

  test.each([
    [
      'a Hardware instance without its process',
      instance({ id: 'kst-hsm00001', type: 'Hardware' }),
      'set kms.hsm.enabled',
    ],
    ['an id that is there twice', ['--set=kms.instances={kst-aaaa,kst-aaaa}'], 'has kst-aaaa twice'],
    ['an id in upper case', ['--set=kms.instances={kst-AAAA}'], '/kms/instances/0'],
    ['an unknown type', instance({ id: 'kst-aaaa', type: 'Cloud' }), '/kms/instances/0/type'],
    ['an External instance without its Secret', instance(external), 'configurationSecret'],
    [
      'a proxy without TLS',
      instance({ ...external, configurationSecret, endpoint: 'http://keys.bank.example' }),
      '/kms/instances/0/endpoint',
    ],
    [
      'a fingerprint that is none',
      instance({ ...external, configurationSecret, certificateFingerprint: 'abc' }),
      '/certificateFingerprint',
    ],
    ['a misspelt field', instance({ ...external, configurationSecret, endpiont: 'x' }), 'endpiont'],
    ['a secret in the values', instance({ ...external, configurationSecret, secretAccessKey: 'x' }), 'secretAccessKey'],
    [
      'a proxy for an instance of another type',
      instance({ id: 'kst-aaaa', type: 'Software', endpoint: 'https://a' }),
      '/kms/instances/0/endpoint',
    ],
    [
      'a proxy in the cluster that kms would not call',
      instance({ ...external, configurationSecret, endpoint: 'https://proxy.bank.svc:8443' }),
      'set allowedNetworks',
    ],
    ['an HSM without a label', [...softHsm, '--set=kms.hsm.token='], 'set kms.hsm.token'],
    ['an HSM without a PIN', [...softHsm, '--set=kms.hsm.pinSecret.name='], 'set kms.hsm.pinSecret.name'],
    ['an HSM without a module', [...softHsm, '--set=kms.hsm.softhsm2.enabled=false'], 'set kms.hsm.module'],
    ['two modules', [...softHsm, '--set=kms.hsm.module=/opt/a.so'], 'leave kms.hsm.module out'],
    ['a relative path of a module', ['--set=kms.hsm.module=a.so'], '/kms/hsm/module'],
    ['a seal by an HSM that is not there', ['--set=kms.seal.kind=hsm'], 'set kms.seal.instance'],
    [
      'a seal by an instance of another type',
      [...values('held-keys'), '--set=kms.seal.kind=hsm', '--set=kms.seal.instance=kst-bank0001'],
      'needs an instance of type Hardware',
    ],
    [
      'a seal by an owner without his key',
      [...values('held-keys'), '--set=kms.seal.kind=xki', '--set=kms.seal.instance=kst-bank0001'],
      'set kms.seal.keyId',
    ],
    [
      'a key of the owner for a seal by an HSM',
      [
        ...values('held-keys'),
        '--set=kms.seal.kind=hsm',
        '--set=kms.seal.instance=kst-hsm00001',
        '--set=kms.seal.keyId=a',
      ],
      'leave keyId out',
    ],
    ['an instance for the seal by the Secret', ['--set=kms.seal.instance=kst-aaaa'], 'leave instance and keyId out'],
    ['an unknown kind of seal', ['--set=kms.seal.kind=none'], '/kms/seal/kind'],
    [
      'SoftHSM2 for several pods',
      [...softHsm, '--set=kms.replicas=2', '--set=kms.database.existingSecret=a'],
      'cannot be used with kms.replicas above 1',
    ],
  ])('%s', (_title, args, words) => {
    expect(refusal(args)).toContain(words);
  });
});
