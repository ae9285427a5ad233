import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { testAuthority } from '../support/tls.ts';
import { bundledProgram } from './bundled-program.ts';
import { cluster, eventually, kaap, systemNamespace } from './installation.ts';
import type { KeyLoadResult } from './key-load.ts';

/** The instances that the upgrade of the release adds. */
export const hardware = 'kst-e2ehsm01';
export const external = 'kst-e2exki01';
/** Ids of the keys at their owner: one in his sealed file, one in an HSM beside his proxy. */
export const externalKeyId = 'payments';
export const externalHsmKeyId = 'ledger';
/** The PIN of the token's user. */
export const pin: string = randomBytes(6).toString('hex');

const chart = resolve(import.meta.dirname, '../../charts/kaap');
const proxyFolder = '/var/lib/kaap-e2e-xki';
const host = `kaap-xki-proxy.${systemNamespace}.svc`;
const accessKeyId = 'ENDTOENDKEY222222222';
const files = ['--file', '/var/lib/kaap/keys.json', '--seal-key', '/etc/kaap/seal/seal.key'];

const secret = (name: string, stringData: Record<string, string>, type = 'Opaque'): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: systemNamespace },
  type,
  stringData,
});

/** What the two sides hand over to each other: PINs, certificates, access keys. And a volume for the owner's keys. */
function given(): object[] {
  const authority = testAuthority();
  const { certPem, keyPem } = authority.issue(host);
  const secretAccessKey = randomBytes(33).toString('base64');
  const configuration = {
    XksProxyUriPath: '/owner/kms/xks/v1',
    XksProxyAuthenticationCredential: { AccessKeyId: accessKeyId, RawSecretAccessKey: secretAccessKey },
  };
  const storage = { storageClassName: '', accessModes: ['ReadWriteOnce'] };
  const terms = [{ matchExpressions: [{ key: 'kubernetes.io/os', operator: 'Exists' }] }];
  return [
    secret('e2e-hsm-pin', { pin, 'so-pin': randomBytes(6).toString('hex') }),
    secret('e2e-xki-hsm-pin', { pin: randomBytes(6).toString('hex'), 'so-pin': randomBytes(6).toString('hex') }),
    secret('e2e-xki-tls', { 'tls.crt': certPem, 'tls.key': keyPem }, 'kubernetes.io/tls'),
    secret('e2e-xki-seal', { 'seal.key': randomBytes(32).toString('base64') }),
    secret('e2e-xki-credential', { secret: secretAccessKey }),
    secret('e2e-xki-configuration', {
      'configuration.json': JSON.stringify(configuration),
      'ca.crt': authority.caPem,
    }),
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'e2e-xki' },
      spec: {
        ...storage,
        capacity: { storage: '1Gi' },
        local: { path: proxyFolder },
        nodeAffinity: { required: { nodeSelectorTerms: terms } },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'e2e-xki', namespace: systemNamespace },
      spec: { ...storage, volumeName: 'e2e-xki', resources: { requests: { storage: '1Gi' } } },
    },
  ];
}

const values = {
  kms: {
    instances: [
      { id: hardware, type: 'Hardware' },
      {
        id: external,
        type: 'External',
        endpoint: `https://${host}`,
        configurationSecret: { name: 'e2e-xki-configuration', key: 'configuration.json' },
        caSecret: { name: 'e2e-xki-configuration', key: 'ca.crt' },
        allowedNetworks: ['10.0.0.0/8'],
      },
    ],
    hsm: {
      enabled: true,
      softhsm2: { enabled: true },
      token: 'e2e',
      copySeconds: 10,
      pinSecret: { name: 'e2e-hsm-pin' },
    },
  },
  xkiProxy: {
    enabled: true,
    tls: { existingSecret: 'e2e-xki-tls' },
    sealKeySecret: { name: 'e2e-xki-seal' },
    persistence: { existingClaim: 'e2e-xki' },
    hsm: {
      enabled: true,
      softhsm2: { enabled: true },
      token: 'owner',
      copySeconds: 10,
      pinSecret: { name: 'e2e-xki-hsm-pin' },
    },
    prefixes: [
      {
        path: '/owner',
        keyIds: [externalKeyId, externalHsmKeyId],
        credentials: [{ accessKeyId, secret: { name: 'e2e-xki-credential', key: 'secret' } }],
      },
    ],
  },
};

const helm = (...args: string[]): Promise<string> =>
  cluster().helm([...args, '--namespace', systemNamespace, '--wait', '--timeout', '3m'], { timeoutMs: 240_000 });

/** Adds both instances to the release by an upgrade, as an administrator does, and the owner's keys at his proxy. */
export async function addHeldKeys(): Promise<void> {
  await cluster().run(['rm', '-rf', proxyFolder]);
  await cluster().run(['install', '-d', '-m', '0777', proxyFolder]);
  await cluster().apply(given());
  const file = join(cluster().folder, 'held-keys.yaml');
  await cluster().run(['tee', file], { input: stringify(values) });
  await upgrade('--values', file);
  await owner('create', externalKeyId);
  await owner('create', externalHsmKeyId, '--hsm-socket', '/run/kaap-hsm/private/hsm.sock');
}

/** Changes values of the release as an administrator does. */
export function upgrade(...args: string[]): Promise<string> {
  return helm('upgrade', 'kaap', chart, '--reset-then-reuse-values', ...args);
}

/** Gives the release back as it was. */
export async function removeHeldKeys(): Promise<void> {
  await helm('rollback', 'kaap', '1');
  const names = ['hsm-pin', 'xki-hsm-pin', 'xki-tls', 'xki-seal', 'xki-credential', 'xki-configuration'];
  const secrets = names.map((name) => `e2e-${name}`);
  await cluster().kubectl(['delete', 'secret', '-n', systemNamespace, ...secrets]);
  await cluster().kubectl(['delete', 'pvc/e2e-xki', '-n', systemNamespace, '--timeout=60s']);
  await cluster().kubectl(['delete', 'pv/e2e-xki', '--timeout=60s']);
  await cluster().run(['rm', '-rf', proxyFolder]);
}

/** What the owner of the external key does at his proxy. */
export function owner(verb: 'create' | 'enable' | 'disable', id: string, ...options: string[]): Promise<string> {
  const command = ['kaap', 'xki', 'key', verb, id, ...files, ...options];
  const where = ['-n', systemNamespace, 'deployment/kaap-xki-proxy', '-c', 'xki-proxy'];
  return cluster().kubectl(['exec', ...where, '--', ...command]);
}

/** Runs a program of Node in a container of the pod of kms. */
export function runIn(container: 'kms' | 'hsm', program: string, ...args: string[]): Promise<string> {
  const node = ['node', '--input-type=module', '-', ...args];
  const command = ['exec', '-i', '-n', systemNamespace, 'kaap-kms-0', '-c', container, '--', ...node];
  return cluster().kubectl(command, { input: program });
}

/** Load on a key that goes on until it is stopped. */
export interface KeyLoad {
  /** Waits until what became of the calls so far is as it should be. */
  until(holds: (soFar: KeyLoadResult) => boolean): Promise<KeyLoadResult>;
  /** Ends the load; resolves when no call is under way any more, and all that was made is yet to be decrypted again. */
  end(): Promise<KeyLoadResult>;
  /** Resolves when it is. */
  result(): Promise<KeyLoadResult>;
}

/** Encrypts and decrypts with a key, whatever else is done meanwhile. */
export function startKeyLoad(keyId: string): KeyLoad {
  const file = `/tmp/load-${randomBytes(4).toString('hex')}`;
  const running = bundledProgram('key-load.ts').then((program) => runIn('kms', program, keyId, file));
  // Told by result().
  running.catch(() => undefined);
  const soFar = async (): Promise<KeyLoadResult | undefined> => {
    const text = await runIn(
      'kms',
      `import { readFileSync } from 'node:fs'; console.log(readFileSync('${file}', 'utf8'));`,
    );
    return JSON.parse(text) as KeyLoadResult;
  };
  const until: KeyLoad['until'] = (holds) =>
    eventually(
      async () => {
        const known = await soFar().catch(() => undefined);
        return known !== undefined && holds(known) ? known : undefined;
      },
      async () => JSON.stringify(await soFar().catch(String)),
    );
  return {
    until,
    end: async () => {
      await runIn('kms', `import { writeFileSync } from 'node:fs'; writeFileSync('${file}.stop', '');`);
      return until(({ isOver }) => isOver);
    },
    result: async () => JSON.parse((await running).trim()) as KeyLoadResult,
  };
}

/** The value of a secret, by the account root. */
export async function valueOf(namespace: string): Promise<string> {
  return kaap(['secret', 'get', `${namespace}/db`]);
}
