// SPDX-License-Identifier: Apache-2.0
/** The chart's values about keys that are held elsewhere: instances of KMS, the HSM process, the proxy of an owner. */
import { podSettings, serviceSection, volumeSettings } from './chart-pod-settings.ts';
import {
  count,
  either,
  flag,
  kubernetesObject,
  list,
  oneOf,
  section,
  text,
  type JsonSchema,
  type Section,
  type Setting,
} from './chart-settings.ts';

const words = { type: 'string', minLength: 1 };
const objects = { type: 'object' };
const absolutePath = { pattern: '^(/[A-Za-z0-9._+-]+)*$' };
const instanceId = { type: 'string', pattern: '^kst-[a-z0-9]{4,64}$' };
const accessKeyId = { type: 'string', pattern: '^[A-Z2-7]{20,30}$' };
const externalKeyId = { type: 'string', pattern: '^([A-Za-z0-9_-]|\\.[A-Za-z0-9_-])[A-Za-z0-9._-]{0,126}$' };
const region = '^[a-z0-9-]{1,32}$';

function closed(properties: Record<string, JsonSchema>, required: readonly string[]): JsonSchema {
  return { type: 'object', properties, required, additionalProperties: false };
}

/** One entry of a Secret. */
const secretEntry = closed({ name: words, key: words }, ['name', 'key']);

/** An External instance, by its proxy. */
const externalFields: Readonly<Record<string, JsonSchema>> = {
  endpoint: { type: 'string', pattern: '^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?$' },
  path: { type: 'string', pattern: '^(/[A-Za-z0-9_-]+)*$', maxLength: 128 },
  configurationSecret: secretEntry,
  certificateFingerprint: { type: 'string', pattern: '^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$' },
  caSecret: secretEntry,
  clientCertificateSecret: words,
  region: { type: 'string', pattern: region },
  allowedNetworks: { type: 'array', items: { type: 'string', pattern: '^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$' } },
  egress: closed({ to: { type: 'array', items: objects }, port: { type: 'integer', minimum: 1, maximum: 65_535 } }, []),
};

const instanceObject: JsonSchema = {
  ...closed({ id: instanceId, type: { enum: ['Software', 'Hardware', 'External'] }, ...externalFields }, [
    'id',
    'type',
  ]),
  ...either(
    { properties: { type: { const: 'External' } } },
    { required: ['endpoint', 'configurationSecret'] },
    { properties: Object.fromEntries(Object.keys(externalFields).map((name) => [name, false])) },
  ),
};

/** `kms.instances`. */
export const instances: Setting = list(
  'KMS instances besides the shared one: an id (kst-…), or an object with id and type Software, Hardware (in the HSM of kms.hsm) or External (endpoint and configurationSecret of a proxy).',
  [],
  { type: ['string', 'object'], ...either({ type: 'string' }, instanceId, instanceObject) },
);

const hsmProcess = (description: string, enabled: string): Section =>
  section(description, {
    enabled: flag(enabled, false),
    softhsm2: section('SoftHSM2 instead of an HSM, to try it out: keys are in files on the volume of the pod.', {
      enabled: flag('Use it, with an image that has it, and make its token at the first start.', false),
      soPinKey: text('Key of the PIN of the security officer in pinSecret.', 'so-pin', words),
    }),
    image: text('Image with the module in it, made FROM <repository>/hsm. Empty: that of the chart.', ''),
    module: text('Path of the PKCS#11 module in the container. With softhsm2, its own.', '', absolutePath),
    token: text('Label of the token.', '', { pattern: '^[!-~ ]{0,32}$' }),
    pinSecret: section(
      'The Secret with the PIN of the user. The process reads it from a file, and it is nowhere else.',
      {
        name: text('Name of the Secret.', ''),
        key: text('Key of the PIN in it.', 'pin', words),
      },
    ),
    sessions: count('RSA operations at a time.', 4, 1, 999),
    oaep: oneOf('Who decodes OAEP: raw, the process, as SoftHSM2 needs it; native, the token.', 'raw', [
      'raw',
      'native',
    ]),
    verifyEncryption: flag('Try each ciphertext before it is given out.', true),
    copySeconds: count(
      'How long a copy of a key in the memory of the module is worked with: ten for SoftHSM2, whose own keys are files. 0: none is made.',
      0,
      0,
      9999,
    ),
    hangMilliseconds: count(
      'Without a sign of life for that long, the module is killed and started again.',
      15_000,
      1000,
      999_999,
    ),
    volumes: list('Further volumes of the pod, such as the one with the module.', [], {
      ...objects,
      required: ['name'],
    }),
    volumeMounts: list('Where the container has them.', [], { ...objects, required: ['name', 'mountPath'] }),
    egress: list('Where an HSM on the network is, as egress rules of a NetworkPolicy.', [], objects),
    extraEnv: list('Further environment variables, as Kubernetes writes them.', [], { ...objects, required: ['name'] }),
    resources: kubernetesObject('Requests and limits of the container.', {
      requests: { cpu: '50m', memory: '128Mi' },
      limits: { memory: '512Mi' },
    }),
  });

/** `kms.hsm`. */
export const hsm: Section = hsmProcess(
  'A process beside the KMS that has the PKCS#11 module of an HSM in its memory.',
  'Run it. Instances of type Hardware need it.',
);

/** `kms.seal`. */
export const seal: Section = section(
  'What wraps the root key of the store. To change it later, kaap reseal comes first.',
  {
    kind: oneOf(
      'file: the Secret kaap-kms-seal. hsm: a key in the HSM of kms.hsm. xki: a key of the owner behind an External instance. With the latter two the KMS unseals itself while those answer.',
      'file',
      ['file', 'hsm', 'xki'],
    ),
    instance: text('Id of the instance in kms.instances: Hardware for hsm, External for xki.', '', {
      pattern: '^(kst-[a-z0-9]{4,64})?$',
    }),
    keyId: text('Id that the owner gives the key, for xki.', '', { pattern: `^$|${externalKeyId.pattern}` }),
  },
);

const prefix = closed(
  {
    path: { type: 'string', pattern: '^(/[A-Za-z0-9_-]+)*$', maxLength: 117 },
    keyIds: { type: 'array', items: externalKeyId },
    credentials: {
      type: 'array',
      minItems: 1,
      maxItems: 2,
      items: closed({ accessKeyId, secret: secretEntry }, ['accessKeyId', 'secret']),
    },
  },
  ['path', 'keyIds', 'credentials'],
);

/** `xkiProxy`. */
export const xkiProxy: Section = section(
  'The proxy of an owner of external keys. He runs it where he likes; here, or with templates/xki-proxy-*.yaml alone elsewhere.',
  {
    enabled: flag('Run it here.', false),
    region: text('Region that callers sign for. Empty: region.', '', { pattern: `^$|${region}` }),
    tls: section('How the proxy shows who it is, and who may connect.', {
      existingSecret: text('Secret of type kubernetes.io/tls. The proxy reads it when it starts.', ''),
      clientCaSecret: section('The authority of client certificates; without it none is asked for.', {
        name: text('Name of the Secret.', ''),
        key: text('Key of the certificates in it, PEM.', 'ca.crt', words),
      }),
    }),
    prefixes: list(
      'Logical key stores: path, keyIds that it shows, and one or two credentials (accessKeyId, secret with name and key).',
      [],
      prefix,
    ),
    sealKeySecret: section('The Secret with the key that seals the file of the keys: 32 bytes as base64.', {
      name: text('Name of the Secret.', ''),
      key: text('Key of the seal key in it.', 'seal.key', words),
    }),
    hsm: hsmProcess(
      'A process beside the proxy that has the PKCS#11 module of an HSM of the owner in its memory.',
      'Run it: the keys of the owner are in his HSM, and the file on the volume says which, and their state.',
    ),
    rateLimit: section('Calls a second that the proxy answers, in the long run; twice as many at once. 0: any.', {
      perCredential: count('With one access key.', 0, 0, 1_000_000),
      perKey: count('With one key, whoever calls.', 0, 0, 1_000_000),
    }),
    policy: section('A policy engine that is asked about every call that names a key.', {
      url: text('Its URL, as that of a decision of Open Policy Agent. Empty: none is asked.', '', {
        pattern: '^(https?://.+)?$',
      }),
      caSecret: section('Authorities that vouch for it besides the public ones.', {
        name: text('Name of the Secret.', ''),
        key: text('Key of the certificates in it, PEM.', 'ca.crt', words),
      }),
      egress: list(
        'Where it is, as egress rules of a NetworkPolicy. Empty: anywhere, at the port of url.',
        [],
        objects,
      ),
    }),
    persistence: section('The volume with the sealed file of the keys and the audit log of the proxy.', {
      enabled: flag('Keep them on a volume. Without it every external key is lost with the pod: for tests.', true),
      ...volumeSettings('1Gi'),
    }),
    service: serviceSection('kaap-xki-proxy'),
    from: list('Who may call it besides the KMS of the release, as NetworkPolicy peers.', [], objects),
    ...podSettings({ cpu: '50m', memory: '128Mi' }, '384Mi'),
  },
);
