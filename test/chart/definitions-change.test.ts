import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startControlPlane, type ControlPlane } from '../../tools/cluster/control-plane.ts';
import { root } from './programs.ts';

/** The definitions of the first version that had a chart, and those of now. */
const definitions = { first: join(import.meta.dirname, 'first-definitions'), present: join(root, 'crds') };
const names = ['kmskeys', 'kmssecrets', 'secretbindings'].map((plural) => `${plural}.kaap.dev`);
const apiVersion = 'kaap.dev/v1alpha1';
const namespace = 'default';

interface Stored {
  kind: string;
  metadata: { name: string; uid: string; labels?: Record<string, string> };
  spec: Record<string, unknown>;
  status?: object;
}

const binding = {
  podSelector: { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'In', values: ['front'] }] },
  serviceAccounts: ['web'],
  accessPoint: 'shop',
  sources: [
    { name: 'db', secret: { name: 'shop/db', versionStage: 'ACSPrevious' } },
    { name: 'blob', decrypt: { ciphertextBlob: 'QUJD', encryptionContext: { tenant: 'shop' } } },
  ],
  env: [{ name: 'DB_PASSWORD', source: 'db', field: 'password' }],
  files: [{ path: 'db.json', source: 'db', mode: '0400' }],
  mountPath: '/etc/secrets',
  containers: ['web'],
  refresh: { intervalSeconds: 30 },
};

/** Objects that use every field of the first definitions but for those that exclude each other. */
const early = [
  {
    kind: 'KmsKey',
    spec: {
      aliases: ['main'],
      description: 'of the shop',
      enabled: true,
      deletionProtection: true,
      pendingWindowDays: 30,
      rotation: { intervalDays: 30 },
      tags: { team: 'shop' },
    },
  },
  {
    kind: 'KmsSecret',
    spec: {
      name: 'db',
      description: 'of the shop',
      encryptionKey: { name: 'early' },
      generate: { length: 40, excludeCharacters: '"' },
      recoveryWindowDays: 10,
      tags: { team: 'shop' },
    },
  },
  { kind: 'SecretBinding', spec: binding },
].map(({ kind, spec }) => ({ apiVersion, kind, metadata: { name: 'early', namespace }, spec }));

/** What the first definitions do not know. */
const lateBinding = {
  ...binding,
  envMethod: 'Exec',
  commands: [{ container: 'web', command: ['/web'] }],
  refresh: { intervalSeconds: 30, onChange: 'Rollout' },
  outage: { maxAgeSeconds: 3600 },
};
const late = ['kept', 'touched'].map((name) => ({
  apiVersion,
  kind: 'SecretBinding',
  metadata: { name, namespace },
  spec: lateBinding,
}));

let controlPlane: ControlPlane;

function kubectl(args: readonly string[], input?: object): string {
  const all = [`--kubeconfig=${controlPlane.kubeconfigPath}`, ...args];
  return execFileSync(controlPlane.kubectlPath, all, {
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    input: input === undefined ? '' : JSON.stringify(input),
  });
}

/** Installs definitions, and waits until the API server serves by them. */
async function define(which: keyof typeof definitions): Promise<void> {
  kubectl(['apply', '--server-side', '--force-conflicts', '--filename', definitions[which]]);
  kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', ...names]);
  const deadline = Date.now() + 30_000;
  while (keepsOutage() !== (which === 'present')) {
    if (Date.now() > deadline) throw new Error(`the API server does not serve by the ${which} definitions`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** Whether the API server keeps a field that only the present definitions have. Undefined while it serves neither. */
function keepsOutage(): boolean | undefined {
  const probe = { ...late[0], metadata: { name: 'probe', namespace } };
  try {
    const created = kubectl(['create', '--dry-run=server', '--validate=ignore', '-o', 'json', '-f', '-'], probe);
    return (JSON.parse(created) as Stored).spec['outage'] !== undefined;
  } catch {
    return undefined;
  }
}

const create = (items: object[]): string => kubectl(['create', '-f', '-'], { apiVersion: 'v1', kind: 'List', items });

function stored(): Map<string, Stored> {
  const list = JSON.parse(kubectl(['get', names.join(','), '-n', namespace, '-o', 'json'])) as { items: Stored[] };
  return new Map(list.items.map((object) => [`${object.kind}/${object.metadata.name}`, object]));
}

/** As a controller writes it. */
function writeStatus(kind: string, name: string): void {
  const condition = {
    type: 'Ready',
    status: 'True',
    reason: 'Ready',
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  };
  const patch = { status: { observedGeneration: 1, conditions: [condition] } };
  kubectl(['patch', kind, name, '-n', namespace, '--subresource=status', '--type=merge', '-p', JSON.stringify(patch)]);
}

beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: false });
  await define('first');
  create(early);
  for (const { kind } of early) writeStatus(kind, 'early');
});

afterAll(() => controlPlane.stop());

describe('G8: objects that are stored while the definitions change', () => {
  let before: Map<string, Stored>;

  test('are the same after an upgrade, and can be written', async () => {
    before = stored();
    expect(before.size).toBe(early.length);
    await define('present');
    for (const [id, object] of stored()) {
      const { spec = {}, status } = before.get(id) ?? {};
      // Fields that are new have their defaults besides.
      expect({ id, ...object }).toMatchObject({ id, spec });
      expect(object.status).toEqual(status);
      kubectl(['label', id.toLowerCase(), 'after=upgrade', '-n', namespace]);
      writeStatus(object.kind, object.metadata.name);
    }
  });

  test('are all there after a downgrade, with every field that the earlier definitions know', async () => {
    create(late);
    const full = stored();
    await define('first');
    const seen = stored();
    expect([...seen.keys()].toSorted((a, b) => a.localeCompare(b))).toEqual(
      [...full.keys()].toSorted((a, b) => a.localeCompare(b)),
    );
    for (const [id, { metadata, spec, status }] of seen) {
      expect([id, metadata.uid]).toEqual([id, full.get(id)?.metadata.uid]);
      expect(full.get(id)).toMatchObject({ spec, ...(status === undefined ? {} : { status }) });
    }
    const { refresh, ...known } = binding;
    expect(seen.get('SecretBinding/kept')?.spec).toMatchObject({ ...known, refresh });
    kubectl(['label', 'sbind', 'touched', 'during=downgrade', '-n', namespace]);
  });

  test('have lost nothing after the next upgrade, but for what was written over meanwhile', async () => {
    await define('present');
    const after = stored();
    expect(after.get('SecretBinding/kept')?.spec).toMatchObject(lateBinding);
    const touched = after.get('SecretBinding/touched')?.spec;
    expect(touched).toMatchObject(binding);
    expect(touched).not.toHaveProperty('outage');
    for (const { kind, spec } of early) expect(after.get(`${kind}/early`)?.spec).toMatchObject(spec);
  });
});
