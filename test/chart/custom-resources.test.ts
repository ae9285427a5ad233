import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CustomResourceType } from '../../src/api/custom-resource.ts';
import { parseManifest } from '../../src/api/manifest.ts';
import { customResourceTypes } from '../../src/api/registry.ts';
import { malformedManifests, objectOf } from '../api/malformed-manifests.ts';
import { kubectl, root, succeeded } from './programs.ts';

const crds = join(root, 'crds');
const kinds: CustomResourceType[] = Object.values(customResourceTypes);

/** Creates on the server without keeping: SSA refuses some mistakes in other words than create does. */
const tryCreate = (object: object): ReturnType<typeof kubectl> =>
  kubectl(['create', '--dry-run=server', '--output=json', '--filename=-'], JSON.stringify(object));

beforeAll(() => {
  succeeded(kubectl(['apply', '--server-side', '--filename', crds]));
  succeeded(kubectl(['wait', '--for=condition=Established', '--timeout=30s', '--filename', crds]));
});

describe('the API server', () => {
  test('accepts every definition, with the cost of its rules', () => {
    const names = succeeded(kubectl(['get', 'crd', '--output=name']))
      .trim()
      .split('\n');
    expect(names.toSorted()).toEqual(
      kinds.map(({ plural, group }) => `customresourcedefinition.apiextensions.k8s.io/${plural}.${group}`).toSorted(),
    );
  });

  test('finds every definition structural', () => {
    const text = succeeded(kubectl(['get', 'crd', '--output=jsonpath={.items[*].status.conditions[*].type}']));
    expect(text).not.toContain('NonStructuralSchema');
  });

  test('takes the same definitions a second time without a change', () => {
    const generations = ['get', 'crd', '--output=jsonpath={.items[*].metadata.generation}'];
    const before = succeeded(kubectl(generations));
    succeeded(kubectl(['apply', '--server-side', '--filename', crds]));
    expect(succeeded(kubectl(generations))).toBe(before);
  });

  const rows = malformedManifests.map((row) => [row.title, row.field, row] as const);
  test.each(rows)('refuses %s, naming %s', (_title, _field, row) => {
    const { status, errors } = tryCreate(objectOf(row));
    expect(status).not.toBe(0);
    expect(errors).toContain(row.field);
    expect(errors).toContain(row.says);
  });
});

describe('kubectl explain', () => {
  test.each(kinds)('has a text for every field of $kind', ({ plural, description }) => {
    for (const part of ['spec', 'status']) {
      const text = succeeded(kubectl(['explain', `${plural}.${part}`, '--recursive=false']));
      expect(text).not.toContain('<no description>');
    }
    const whole = succeeded(kubectl(['explain', plural])).replaceAll(/\s+/g, ' ');
    expect(whole).toContain(description);
  });
});

const binding = {
  podSelector: { matchLabels: { app: 'shop' }, matchExpressions: [{ key: 'tier', operator: 'Exists' }] },
  accessPoint: 'shop',
  sources: [
    { name: 'db', secret: { name: 'shop/db', versionStage: 'ACSPrevious' } },
    { name: 'token', decrypt: { ciphertextBlob: 'AAECAw==', encryptionContext: { app: 'shop' } } },
  ],
  env: [{ name: 'TOKEN', source: 'token' }],
  files: [{ path: 'db/password', source: 'db', field: 'password' }],
};

describe('defaults of the API server are those of a manifest that is read offline', () => {
  test.each([
    ['KmsKey', {}],
    ['KmsKey', { rotation: { intervalDays: 7 }, tags: { team: 'shop' }, aliases: ['a', 'b/c'] }],
    ['KmsSecret', { generate: {} }],
    ['KmsSecret', { name: 'db/main', encryptionKey: { name: 'shop' }, deletionPolicy: 'Delete' }],
    ['NetworkRule', { type: 'VPC', vpcId: 'vpc-1', addresses: ['10.0.0.0/8', 'fd00::/8', '2001:db8::1'] }],
    ['RbacPolicy', { templates: ['SecretUser'], resources: ['secret/*', 'key/*', 'secret/shop/db'] }],
    [
      'ApplicationAccessPoint',
      { authentication: { clientKey: { secretRef: { namespace: 'a', name: 'b' } } }, policies: ['a'] },
    ],
    ['RamPolicy', { document: '{}' }],
    ['RamRole', { trustPolicy: '{}', policies: [{ name: 'a' }, { name: 'a', type: 'System' }] }],
    ['RamUser', { accessKey: { secretRef: { namespace: 'a', name: 'b' } } }],
    ['SecretBinding', binding],
  ])('%s %j', (kind, spec) => {
    const object = objectOf({ kind, spec });
    const stored = JSON.parse(succeeded(tryCreate(object))) as { spec: unknown };
    const { objects, errors } = parseManifest(JSON.stringify(object));
    expect(errors).toEqual([]);
    expect(objects[0]?.spec).toEqual(stored.spec);
  });
});

const accessPoint = {
  authentication: { ramRole: { trustedRole: 'ECSInstanceRole', roleName: 'shop' } },
  policies: ['a'],
};

describe('what cannot be changed', () => {
  test.each([
    ['KmsKey', {}, { keySpec: 'Aliyun_AES_128' }, 'spec.keySpec'],
    ['KmsKey', {}, { keyUsage: 'SIGN/VERIFY' }, 'keyUsage cannot be changed'],
    ['KmsKey', {}, { instanceId: 'kst-aaaa' }, 'instanceId cannot be changed'],
    ['KmsKey', { instanceId: 'kst-aaaa' }, {}, 'instanceId cannot be changed'],
    ['KmsKey', { instanceId: 'kst-aaaa' }, { instanceId: 'kst-bbbb' }, 'instanceId cannot be changed'],
    ['KmsSecret', { name: 'a' }, { name: 'b' }, 'name cannot be changed'],
    ['KmsSecret', {}, { name: 'b' }, 'name cannot be changed'],
    ['NetworkRule', { type: 'Private', addresses: ['::1'] }, { type: 'Public', addresses: ['::1'] }, 'spec.type'],
    [
      'RbacPolicy',
      { templates: ['SecretUser'], resources: ['key/*'] },
      { scope: 'kst-aaaa', templates: ['SecretUser'], resources: ['key/*'] },
      'spec.scope',
    ],
    [
      'ApplicationAccessPoint',
      accessPoint,
      { ...accessPoint, authentication: { clientKey: { secretRef: { namespace: 'a', name: 'b' } } } },
      'spec.authentication',
    ],
  ])('%s %j to %j', (kind, before, after, names) => {
    const name = 'fixed';
    succeeded(kubectl(['create', '--filename=-'], JSON.stringify(objectOf({ kind, name, spec: before }))));
    try {
      const { status, errors } = kubectl(
        ['replace', '--filename=-'],
        JSON.stringify(objectOf({ kind, name, spec: after })),
      );
      expect(status).not.toBe(0);
      expect(errors).toContain(names);
      expect(errors).toContain('cannot be changed');
      expect(errors).toContain('create a');
    } finally {
      succeeded(kubectl(['delete', kind, name]));
    }
  });
});

describe('kubectl get', () => {
  const name = 'columns';

  test('shows readiness, the reason and the facts, and kubectl wait works', () => {
    succeeded(kubectl(['create', '--filename=-'], JSON.stringify(objectOf({ kind: 'KmsKey', name, spec: {} }))));
    const condition = {
      type: 'Ready',
      status: 'True',
      reason: 'Ready',
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    };
    const status = { keyId: '0b1c', keyState: 'Enabled', observedGeneration: 1, conditions: [condition] };
    succeeded(
      kubectl(['patch', 'kkey', name, '--subresource=status', '--type=merge', `--patch=${JSON.stringify({ status })}`]),
    );
    succeeded(kubectl(['wait', 'kkey', name, '--for=condition=Ready', '--timeout=5s']));
    const [header, row] = succeeded(kubectl(['get', 'kkey', name]))
      .trim()
      .split('\n');
    expect(header?.split(/\s{2,}/)).toEqual(['NAME', 'READY', 'REASON', 'SPEC', 'STATE', 'KEY ID', 'AGE']);
    expect(row?.split(/\s{2,}/).slice(0, 6)).toEqual([name, 'True', 'Ready', 'Aliyun_AES_256', 'Enabled', '0b1c']);
  });

  test.each([
    ['status.keyId=0b1c', [name]],
    ['spec.keySpec=Aliyun_AES_128', []],
  ])('selects by the field %s', (selector, names) => {
    const path = '--output=jsonpath={.items[*].metadata.name}';
    const found = succeeded(kubectl(['get', 'kkey', path, '--field-selector', selector]));
    expect(found.split(' ').filter((part) => part !== '')).toEqual(names);
  });

  test('lists every kind under one word', () => {
    expect(succeeded(kubectl(['get', 'kaap', '--output=name']))).toContain(`kmskey.kaap.dev/${name}`);
  });
});

const examples = join(root, 'examples');
const folders = readdirSync(examples, { withFileTypes: true }).filter((entry) => entry.isDirectory());

test.each(folders.map(({ name }) => name))('examples/%s is applied by the API server', (folder) => {
  const path = join(examples, folder);
  const lines = succeeded(kubectl(['apply', '--server-side', '--filename', path]))
    .trim()
    .split('\n');
  const manifests = readdirSync(path).filter((file) => file.endsWith('.yaml'));
  const objects = manifests.flatMap((file) => readFileSync(join(path, file), 'utf8').match(/^kind:/gm) ?? []);
  expect(lines).toHaveLength(objects.length);
  for (const line of lines) expect(line).toContain('serverside-applied');
});
