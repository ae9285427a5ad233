/**
 * Manifests that must be refused, with the field that the refusal names and words that it must hold. Checked without a
 * cluster by test/api/manifest.test.ts and on a real API server by test/chart/custom-resources.test.ts: the same table, so
 * that both say the same.
 */
export interface MalformedManifest {
  /** Completes the sentence "refuses …". */
  title: string;
  kind: string;
  name?: string;
  spec: Record<string, unknown>;
  /** Path of the field at fault. */
  field: string;
  says: string;
}

const roleOf = (ramRole: Record<string, unknown>): Record<string, unknown> => ({
  authentication: { ramRole: { trustedRole: 'ECSInstanceRole', roleName: 'shop', ...ramRole } },
  policies: ['shop-reader'],
});

const bindingOf = (spec: Record<string, unknown>): Record<string, unknown> => ({
  podSelector: { matchLabels: { app: 'shop' } },
  accessPoint: 'shop',
  sources: [{ name: 'db', secret: { name: 'shop/db' } }],
  env: [{ name: 'DB_PASSWORD', source: 'db' }],
  ...spec,
});

const serviceAccounts = [{ namespace: 'shop', name: 'shop' }];
const secretRef = { namespace: 'shop', name: 'client-key' };

const proxyOf = (external: Record<string, unknown>): Record<string, unknown> => ({
  endpoint: 'https://xki.example.com',
  path: '/kms/xki/v1',
  certificateFingerprint: 'ab'.repeat(32),
  credentialSecret: { name: 'xki-credential' },
  ...external,
});

/** Rows by kind. */
export const malformedManifests: readonly MalformedManifest[] = [
  {
    title: 'a RAM policy whose document is no JSON object',
    kind: 'RamPolicy',
    spec: { document: 'allow everything' },
    field: 'spec.document',
    says: 'must be a policy document: a JSON object with Version and Statement',
  },
  {
    title: 'a RAM policy with a name of the installation',
    kind: 'RamPolicy',
    spec: { name: 'kaap-operator', document: '{}' },
    field: 'spec.name',
    says: 'must not begin with kaap-',
  },
  {
    title: 'a RAM role whose sessions would last longer than RAM lets them',
    kind: 'RamRole',
    spec: { trustPolicy: '{}', maxSessionSeconds: 86_400 },
    field: 'spec.maxSessionSeconds',
    says: '43200',
  },
  {
    title: 'a RAM user with a policy of an unknown type',
    kind: 'RamUser',
    spec: { policies: [{ name: 'a', type: 'system' }] },
    field: 'spec.policies[0].type',
    says: '"System"',
  },
  {
    title: 'a RAM user with an access key that goes nowhere',
    kind: 'RamUser',
    spec: { accessKey: {} },
    field: 'spec.accessKey.secretRef',
    says: 'Required value',
  },
  {
    title: 'an instance of software without an id',
    kind: 'KmsInstance',
    spec: { type: 'Software' },
    field: 'spec',
    says: 'give instanceId, unless type is Shared',
  },
  {
    title: 'a shared instance with an id',
    kind: 'KmsInstance',
    spec: { type: 'Shared', instanceId: 'kst-team1' },
    field: 'spec',
    says: 'give instanceId, unless type is Shared',
  },
  {
    title: 'a hardware instance without a module',
    kind: 'KmsInstance',
    spec: { type: 'Hardware', instanceId: 'kst-team1' },
    field: 'spec',
    says: 'give hardware when type is Hardware, and only then',
  },
  {
    title: 'a software instance with a proxy',
    kind: 'KmsInstance',
    spec: { type: 'Software', instanceId: 'kst-team1', external: proxyOf({}) },
    field: 'spec',
    says: 'give external when type is External, and only then',
  },
  {
    title: 'a proxy without TLS',
    kind: 'KmsInstance',
    spec: { type: 'External', instanceId: 'kst-team1', external: proxyOf({ endpoint: 'http://xki.example.com' }) },
    field: 'spec.external.endpoint',
    says: 'must be https:// and a host',
  },
  {
    title: 'a fingerprint with colons',
    kind: 'KmsInstance',
    spec: { type: 'External', instanceId: 'kst-team1', external: proxyOf({ certificateFingerprint: 'ab:cd' }) },
    field: 'spec.external.certificateFingerprint',
    says: 'must be 64 hex digits in lower case',
  },
  {
    title: 'a network rule with an address that is none',
    kind: 'NetworkRule',
    spec: { type: 'Private', addresses: ['10.0.0.0/8', '10.0.0'] },
    field: 'spec.addresses[1]',
    says: 'must be an IP address or a CIDR block, such as',
  },
  {
    title: 'a network rule with a prefix length that is none',
    kind: 'NetworkRule',
    spec: { type: 'Private', addresses: ['10.0.0.0/33'] },
    field: 'spec.addresses[0]',
    says: 'must be an IP address or a CIDR block, such as',
  },
  {
    title: 'a network rule of type VPC without the id of one',
    kind: 'NetworkRule',
    spec: { type: 'VPC', addresses: ['10.0.0.0/8'] },
    field: 'spec',
    says: 'give vpcId when type is VPC, and only then',
  },
  {
    title: 'a network rule of an unknown type',
    kind: 'NetworkRule',
    spec: { type: 'private', addresses: ['10.0.0.0/8'] },
    field: 'spec.type',
    says: 'supported values: "Private", "VPC", "Public"',
  },
  {
    title: 'a network rule without addresses',
    kind: 'NetworkRule',
    spec: { type: 'Private', addresses: [] },
    field: 'spec.addresses',
    says: 'at least 1 items',
  },
  {
    title: 'a name with a dot, which would not fit into KMS',
    kind: 'NetworkRule',
    name: 'private.net',
    spec: { type: 'Private', addresses: ['10.0.0.0/8'] },
    field: 'metadata.name',
    says: 'must be lower-case letters, digits and hyphens',
  },
  {
    title: 'a policy with a wildcard in the middle of a resource',
    kind: 'RbacPolicy',
    spec: { templates: ['SecretUser'], resources: ['secret/*/db'] },
    field: 'spec.resources[0]',
    says: 'must be secret/<name> or key/<id>, with * allowed at the end only',
  },
  {
    title: 'a policy on a resource that is neither a secret nor a key',
    kind: 'RbacPolicy',
    spec: { templates: ['SecretUser'], resources: ['*'] },
    field: 'spec.resources[0]',
    says: 'must be secret/<name> or key/<id>',
  },
  {
    title: 'a policy with an unknown template',
    kind: 'RbacPolicy',
    spec: { templates: ['Admin'], resources: ['secret/shop/*'] },
    field: 'spec.templates[0]',
    says: 'supported values: "SecretUser", "CryptoServiceKeyUser"',
  },
  {
    title: 'a policy for a scope that is no instance',
    kind: 'RbacPolicy',
    spec: { scope: 'everything', templates: ['SecretUser'], resources: ['secret/shop/*'] },
    field: 'spec.scope',
    says: 'must be shared or the id of a KMS instance',
  },
  {
    title: 'an access point with two methods of authentication',
    kind: 'ApplicationAccessPoint',
    spec: {
      authentication: { ramRole: { trustedRole: 'ECSInstanceRole', roleName: 'shop' }, clientKey: { secretRef } },
      policies: ['shop-reader'],
    },
    field: 'spec.authentication',
    says: 'give exactly one of ramRole or clientKey',
  },
  {
    title: 'an access point without a method of authentication',
    kind: 'ApplicationAccessPoint',
    spec: { authentication: {}, policies: ['shop-reader'] },
    field: 'spec.authentication',
    says: 'give exactly one of ramRole or clientKey',
  },
  {
    title: 'an access point with four policies',
    kind: 'ApplicationAccessPoint',
    spec: { ...roleOf({}), policies: ['a', 'b', 'c', 'd'] },
    field: 'spec.policies',
    says: 'must have at most 3 items',
  },
  {
    title: 'B3: an access point for service accounts that lists none',
    kind: 'ApplicationAccessPoint',
    spec: roleOf({ trustedRole: 'ServiceAccountRole' }),
    field: 'spec.authentication.ramRole',
    says: 'give serviceAccounts when trustedRole is ServiceAccountRole, and only then',
  },
  {
    title: 'service accounts where the trusted role is that of a node',
    kind: 'ApplicationAccessPoint',
    spec: roleOf({ serviceAccounts }),
    field: 'spec.authentication.ramRole',
    says: 'give serviceAccounts when trustedRole is ServiceAccountRole, and only then',
  },
  {
    title: 'B3: an access point that takes a role of the installation itself',
    kind: 'ApplicationAccessPoint',
    spec: roleOf({ roleName: 'kaap-operator' }),
    field: 'spec.authentication.ramRole.roleName',
    says: 'must not begin with kaap-',
  },
  {
    title: 'a client key that would be valid for ten years',
    kind: 'ApplicationAccessPoint',
    spec: { authentication: { clientKey: { secretRef, validityDays: 3650 } }, policies: ['shop-reader'] },
    field: 'spec.authentication.clientKey.validityDays',
    says: '1825',
  },
  {
    title: 'an access point in an unknown mode',
    kind: 'ApplicationAccessPoint',
    spec: { ...roleOf({}), mode: 'Audit' },
    field: 'spec.mode',
    says: 'supported values: "Enforce", "Shadow"',
  },
  {
    title: 'a key of an unknown spec',
    kind: 'KmsKey',
    spec: { keySpec: 'AES_256' },
    field: 'spec.keySpec',
    says: 'supported values: "Aliyun_AES_256"',
  },
  {
    title: 'a symmetric key that signs',
    kind: 'KmsKey',
    spec: { keyUsage: 'SIGN/VERIFY' },
    field: 'spec.keyUsage',
    says: 'set keyUsage to ENCRYPT/DECRYPT',
  },
  {
    title: 'an elliptic-curve key that encrypts',
    kind: 'KmsKey',
    spec: { keySpec: 'EC_P256', keyUsage: 'ENCRYPT/DECRYPT' },
    field: 'spec.keyUsage',
    says: 'set keyUsage to SIGN/VERIFY',
  },
  {
    title: 'an HMAC key that encrypts',
    kind: 'KmsKey',
    spec: { keySpec: 'HMAC_SHA_256' },
    field: 'spec.keyUsage',
    says: 'set both or neither',
  },
  {
    title: 'an RSA key that is rotated automatically',
    kind: 'KmsKey',
    spec: { keySpec: 'RSA_2048', rotation: { intervalDays: 30 } },
    field: 'spec.rotation',
    says: 'leave rotation out',
  },
  {
    title: 'a key of an owner outside without an instance',
    kind: 'KmsKey',
    spec: { externalKeyId: 'payments' },
    field: 'spec',
    says: 'externalKeyId is for keys of External instances: give instanceId',
  },
  {
    title: 'a place in an HSM without an instance',
    kind: 'KmsKey',
    spec: { storageMechanism: 'HsmInternal' },
    field: 'spec',
    says: 'storageMechanism is for keys of Hardware instances: give instanceId',
  },
  {
    title: 'the id of a key outside that climbs out of its path',
    kind: 'KmsKey',
    spec: { instanceId: 'kst-team1', externalKeyId: '..' },
    field: 'spec.externalKeyId',
    says: 'and not . or ..',
  },
  {
    title: 'a key of an owner outside that is rotated here',
    kind: 'KmsKey',
    spec: { instanceId: 'kst-team1', externalKeyId: 'payments', rotation: { intervalDays: 30 } },
    field: 'spec',
    says: 'leave storageMechanism and rotation out',
  },
  {
    title: 'a template without the field that is generated',
    kind: 'KmsSecret',
    spec: { generate: { template: { user: 'app' } } },
    field: 'spec.generate',
    says: 'a template needs generatedField',
  },
  {
    title: 'a secret that rotates every hour',
    kind: 'KmsSecret',
    spec: { rotation: { intervalHours: 1 } },
    field: 'spec.rotation.intervalHours',
    says: '6',
  },
  {
    title: 'an origin of key material that is not supported',
    kind: 'KmsKey',
    spec: { origin: 'EXTERNAL' },
    field: 'spec.origin',
    says: 'supported values: "Aliyun_KMS"',
  },
  {
    title: 'a rotation every three days',
    kind: 'KmsKey',
    spec: { rotation: { intervalDays: 3 } },
    field: 'spec.rotation.intervalDays',
    says: '7',
  },
  {
    title: 'an alias with a space',
    kind: 'KmsKey',
    spec: { aliases: ['shop key'] },
    field: 'spec.aliases[0]',
    says: 'must be letters, digits, _ and -',
  },
  {
    title: 'an alias that already begins with alias/',
    kind: 'KmsKey',
    spec: { aliases: ['alias/shop'] },
    field: 'spec.aliases[0]',
    says: 'must not begin with alias/',
  },
  {
    title: 'a tag that belongs to Alibaba Cloud',
    kind: 'KmsKey',
    spec: { tags: { 'acs:owner': 'me' } },
    field: 'spec.tags',
    says: 'must not begin with aliyun or acs:',
  },
  {
    title: 'a deletion that leaves no time to cancel it',
    kind: 'KmsKey',
    spec: { pendingWindowDays: 1 },
    field: 'spec.pendingWindowDays',
    says: '7',
  },
  {
    title: 'B1: a secret whose name climbs out of its namespace',
    kind: 'KmsSecret',
    spec: { name: '/other/db' },
    field: 'spec.name',
    says: 'without the namespace',
  },
  {
    title: 'a secret where the passwords of client keys are',
    kind: 'KmsSecret',
    spec: { name: 'client-key/shop/KAAP.1' },
    field: 'spec.name',
    says: 'must not begin with client-key/',
  },
  {
    title: 'B1: a key of another namespace',
    kind: 'KmsSecret',
    spec: { encryptionKey: { name: 'other/key' } },
    field: 'spec.encryptionKey.name',
    says: 'must be lower-case letters, digits and hyphens',
  },
  {
    title: 'a generator without an alphabet',
    kind: 'KmsSecret',
    spec: {
      generate: { excludeLowercase: true, excludeUppercase: true, excludeNumbers: true, excludePunctuation: true },
    },
    field: 'spec.generate',
    says: 'leave at least one of them in',
  },
  {
    title: 'a generated value of four characters',
    kind: 'KmsSecret',
    spec: { generate: { length: 4 } },
    field: 'spec.generate.length',
    says: '8',
  },
  {
    title: 'a plaintext value',
    kind: 'KmsSecret',
    spec: { value: 'hunter2' },
    field: 'spec.value',
    says: 'unknown field',
  },
  {
    title: 'a variable from a source that is not there',
    kind: 'SecretBinding',
    spec: bindingOf({ env: [{ name: 'A', source: 'cache' }] }),
    field: 'spec.env',
    says: 'every source in env must be the name of an entry of spec.sources',
  },
  {
    title: 'a file from a source that is not there',
    kind: 'SecretBinding',
    spec: bindingOf({ files: [{ path: 'a', source: 'cache' }] }),
    field: 'spec.files',
    says: 'every source in files must be the name of an entry of spec.sources',
  },
  {
    title: 'a source that is a secret and ciphertext at once',
    kind: 'SecretBinding',
    spec: bindingOf({ sources: [{ name: 'db', secret: { name: 'shop/db' }, decrypt: { ciphertextBlob: 'AAAA' } }] }),
    field: 'spec.sources[0]',
    says: 'give exactly one of secret or decrypt',
  },
  {
    title: 'a source without a value',
    kind: 'SecretBinding',
    spec: bindingOf({ sources: [{ name: 'db' }] }),
    field: 'spec.sources[0]',
    says: 'give exactly one of secret or decrypt',
  },
  {
    title: 'a version by stage and by id',
    kind: 'SecretBinding',
    spec: bindingOf({
      sources: [{ name: 'db', secret: { name: 'shop/db', versionStage: 'ACSPrevious', versionId: 'v1' } }],
    }),
    field: 'spec.sources[0].secret',
    says: 'give versionStage or versionId, not both',
  },
  {
    title: 'ciphertext that is not base64',
    kind: 'SecretBinding',
    spec: bindingOf({ sources: [{ name: 'db', decrypt: { ciphertextBlob: 'not base64!' } }] }),
    field: 'spec.sources[0].decrypt.ciphertextBlob',
    says: 'must be base64 text',
  },
  {
    title: 'a file that climbs out of the folder',
    kind: 'SecretBinding',
    spec: bindingOf({ files: [{ path: 'tls/../../etc/passwd', source: 'db' }] }),
    field: 'spec.files[0].path',
    says: 'must be a relative path without ..',
  },
  {
    title: 'a file with an absolute path',
    kind: 'SecretBinding',
    spec: bindingOf({ files: [{ path: '/etc/passwd', source: 'db' }] }),
    field: 'spec.files[0].path',
    says: 'must be a relative path without ..',
  },
  {
    title: 'a file where another file needs a folder',
    kind: 'SecretBinding',
    spec: bindingOf({
      files: [
        { path: 'tls', source: 'db' },
        { path: 'tls/key.pem', source: 'db' },
      ],
    }),
    field: 'spec.files',
    says: 'rename one of the two files',
  },
  {
    title: 'a file that is a value and a template at once',
    kind: 'SecretBinding',
    spec: bindingOf({ files: [{ path: 'a', source: 'db', template: '{{ .db }}' }] }),
    field: 'spec.files[0]',
    says: 'give exactly one of source or template',
  },
  {
    title: 'a template with a field beside it',
    kind: 'SecretBinding',
    spec: bindingOf({ files: [{ path: 'a', template: '{{ .db }}', field: 'password' }] }),
    field: 'spec.files[0]',
    says: 'leave field out',
  },
  {
    title: 'a reaction to change that does not exist',
    kind: 'SecretBinding',
    spec: bindingOf({ refresh: { onChange: 'Reboot' } }),
    field: 'spec.refresh.onChange',
    says: 'supported values: "None", "RestartContainers", "Rollout"',
  },
  {
    title: 'a mode that is not octal',
    kind: 'SecretBinding',
    spec: bindingOf({ files: [{ path: 'a', source: 'db', mode: '0999' }] }),
    field: 'spec.files[0].mode',
    says: 'must be four octal digits in quotes',
  },
  {
    title: 'a variable that begins with a digit',
    kind: 'SecretBinding',
    spec: bindingOf({ env: [{ name: '1ST', source: 'db' }] }),
    field: 'spec.env[0].name',
    says: 'not beginning with a digit, such as DB_PASSWORD',
  },
  {
    title: "a variable of the agent's own",
    kind: 'SecretBinding',
    spec: bindingOf({ env: [{ name: 'KAAP_AGENT_CONFIG', source: 'db' }] }),
    field: 'spec.env[0].name',
    says: 'must not begin with KAAP_',
  },
  {
    title: 'a binding that delivers nothing',
    kind: 'SecretBinding',
    spec: bindingOf({ env: [] }),
    field: 'spec',
    says: 'add an entry to env or files',
  },
  {
    title: 'the root as mount path',
    kind: 'SecretBinding',
    spec: bindingOf({ mountPath: '/' }),
    field: 'spec.mountPath',
    says: 'must be an absolute path other than /',
  },
  {
    title: 'a refresh every second',
    kind: 'SecretBinding',
    spec: bindingOf({ refresh: { intervalSeconds: 1 } }),
    field: 'spec.refresh.intervalSeconds',
    says: '10',
  },
  {
    title: 'a selector that compares with nothing',
    kind: 'SecretBinding',
    spec: bindingOf({ podSelector: { matchExpressions: [{ key: 'app', operator: 'In' }] } }),
    field: 'spec.podSelector.matchExpressions[0]',
    says: 'give values when operator is In or NotIn',
  },
  {
    title: 'a binding without an access point',
    kind: 'SecretBinding',
    spec: bindingOf({ accessPoint: undefined }),
    field: 'spec.accessPoint',
    says: 'Required value',
  },
  {
    title: 'B1: an access point named with a namespace',
    kind: 'SecretBinding',
    spec: bindingOf({ accessPoint: 'other/shop' }),
    field: 'spec.accessPoint',
    says: 'must be lower-case letters, digits and hyphens',
  },
  {
    title: 'one variable twice',
    kind: 'SecretBinding',
    spec: bindingOf({
      env: [
        { name: 'A', source: 'db' },
        { name: 'A', source: 'db' },
      ],
    }),
    field: 'spec.env[1]',
    says: 'Duplicate value',
  },
  {
    title: 'a misspelt field',
    kind: 'SecretBinding',
    spec: bindingOf({ acessPoint: 'shop' }),
    field: 'spec.acessPoint',
    says: 'unknown field',
  },
];

/** The row as an object to apply. */
export function objectOf({ kind, name, spec }: Pick<MalformedManifest, 'kind' | 'name' | 'spec'>): object {
  return { apiVersion: 'kaap.dev/v1alpha1', kind, metadata: { name: name ?? 'probe' }, spec };
}
