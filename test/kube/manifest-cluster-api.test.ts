import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KubeEvent } from '../../src/kube/cluster-api.ts';
import { ManifestClusterApi } from '../../src/kube/manifest-cluster-api.ts';
import { ownerReferenceTo, type KubeObject, type ResourceType } from '../../src/kube/resource.ts';
import { widgetResource, type Widget } from '../support/widget.ts';

const { signal } = new AbortController();
const clusterWide: ResourceType = {
  group: 'test.kaap.dev',
  version: 'v1',
  plural: 'rules',
  kind: 'Rule',
  namespaced: false,
};
const secretResource: ResourceType<KubeObject & { data?: Record<string, string> }> = {
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  namespaced: true,
};

let folder: string;
let api: ManifestClusterApi;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'manifests-'));
  api = new ManifestClusterApi({ folder, resources: [widgetResource, clusterWide] });
});
afterEach(() => rm(folder, { recursive: true }));

async function put(file: string, ...documents: string[]): Promise<void> {
  await mkdir(dirname(join(folder, file)), { recursive: true });
  await writeFile(join(folder, file), documents.join('\n---\n'));
}

const manifest = (name: string, spec = '{}', extra = ''): string =>
  `apiVersion: test.kaap.dev/v1\nkind: Widget\nmetadata:\n  name: ${name}\n${extra}spec: ${spec}\n`;

const get = (name: string, namespace = 'default'): Promise<Widget | undefined> =>
  api.get(widgetResource, { namespace, name }, { signal });

describe('a folder', () => {
  test('is read with its folders, several documents to a file, lists and JSON', async () => {
    await put('a.yaml', manifest('a'), '# only a comment', manifest('b', '{}', '  namespace: other\n'));
    await put(
      'deep/er/c.yml',
      `apiVersion: v1\nkind: List\nitems:\n- {apiVersion: test.kaap.dev/v1, kind: Widget, metadata: {name: c}}`,
    );
    await put(
      'd.json',
      '{"apiVersion":"test.kaap.dev/v1","kind":"Rule","metadata":{"name":"d","namespace":"ignored"}}',
    );
    await put('README.md', 'not a manifest');
    await put('.git/e.yaml', manifest('e'));
    expect(await api.reload()).toEqual({ applied: 4, deleted: 0, problems: [] });
    const all = await api.list(widgetResource, { signal });
    expect(all.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).toSorted()).toEqual([
      'default/a',
      'default/c',
      'other/b',
    ]);
    expect((await api.get(clusterWide, { name: 'd' }, { signal }))?.metadata.namespace).toBeUndefined();
  });

  test('read again changes only what changed, and deletes what is gone', async () => {
    await put('a.yaml', manifest('same', '{size: 1}'), manifest('changed', '{size: 1, colour: red}'), manifest('gone'));
    await api.reload();
    const same = await get('same');
    await put('a.yaml', manifest('same', '{size: 1}'), manifest('changed', '{size: 2}'));
    expect(await api.reload()).toEqual({ applied: 2, deleted: 1, problems: [] });
    expect(await get('same')).toEqual(same);
    expect(await get('changed')).toMatchObject({ spec: { size: 2 }, metadata: { generation: 2 } });
    expect((await get('changed'))?.spec).toEqual({ size: 2 });
    expect(await get('gone')).toBeUndefined();
  });

  test('read again leaves the status, finalizers and objects of controllers alone', async () => {
    await put('a.yaml', manifest('a', '{size: 1}'));
    await api.reload();
    const read = (await get('a')) as Widget;
    await api.patchFinalizers(widgetResource, read, ['f'], { signal });
    await api.applyStatus(
      widgetResource,
      { name: 'a', namespace: 'default' },
      { phase: 'Done' },
      { fieldManager: 'c', signal },
    );
    await api.create(secretResource, { metadata: { name: 'made', namespace: 'default' } }, { signal });
    await put('a.yaml', manifest('a', '{size: 2}'));
    await api.reload();
    expect(await get('a')).toMatchObject({
      spec: { size: 2 },
      status: { phase: 'Done' },
      metadata: { finalizers: ['f'] },
    });
    expect(await api.list(secretResource, { signal })).toHaveLength(1);
    await rm(join(folder, 'a.yaml'));
    await api.reload();
    expect((await get('a'))?.metadata.deletionTimestamp).toBeDefined();
  });

  test('that is empty, or none at all, is no problem', async () => {
    expect(await api.reload()).toEqual({ applied: 0, deleted: 0, problems: [] });
    expect(await new ManifestClusterApi({ resources: [] }).reload()).toEqual({ applied: 0, deleted: 0, problems: [] });
  });
});

const admit = (_resource: ResourceType, object: KubeObject): KubeObject => {
  const { size } = (object as Widget).spec;
  if (size !== undefined && size < 0) throw new Error('spec.size: must be 0 or more');
  return { ...object, spec: { colour: 'grey', ...(object as Widget).spec } } as Widget;
};

describe('a file with a problem', () => {
  test.each([
    ['that is not YAML', 'a: [canary-9', 'document 1 is not YAML'],
    [
      'of a kind that is not served',
      'apiVersion: v1\nkind: Pod\nmetadata: {name: p}',
      'v1 Pod is not a kind that is served here',
    ],
    ['without a name', 'apiVersion: test.kaap.dev/v1\nkind: Widget', 'is no Kubernetes object'],
    ['that is only text', 'hello', 'is no Kubernetes object'],
  ])('%s keeps the objects that it had and says why', async (_title, text, message) => {
    await put('a.yaml', manifest('a'));
    await put('b.yaml', manifest('b'));
    await api.reload();
    await put('a.yaml', text);
    const result = await api.reload();
    expect(result).toMatchObject({ applied: 2, deleted: 0, problems: [{ file: 'a.yaml' }] });
    expect(result.problems[0]?.message).toContain(message);
    expect(result.problems[0]?.message).not.toContain('canary-9');
    expect(await get('a')).toBeDefined();
  });

  test('that names an object of another file loses to the first', async () => {
    await put('a.yaml', manifest('w', '{size: 1}'));
    await put('b.yaml', manifest('w', '{size: 2}'));
    const { applied, problems } = await api.reload();
    expect([applied, problems]).toEqual([
      1,
      [{ file: 'b.yaml', message: 'test.kaap.dev/v1 Widget default/w is in a.yaml already' }],
    ]);
    expect((await get('w'))?.spec.size).toBe(1);
  });

  test('that is not admitted is told, and the others go in', async () => {
    api = new ManifestClusterApi({ folder, resources: [widgetResource], admit });
    await put('a.yaml', manifest('bad', '{size: -1}'), manifest('good'));
    const message = 'Widget "bad" is invalid: spec.size: must be 0 or more';
    expect(await api.reload()).toEqual({ applied: 1, deleted: 0, problems: [{ file: 'a.yaml', message }] });
    expect((await get('good'))?.spec).toEqual({ colour: 'grey' });
    const refused = api.create<Widget>(
      widgetResource,
      { metadata: { name: 'x', namespace: 'default' }, spec: { size: -1 } },
      { signal },
    );
    await expect(refused).rejects.toMatchObject({ status: 422, reason: 'Invalid' });
  });
});

test('what an object owns goes with it', async () => {
  await put('a.yaml', manifest('a'));
  await api.reload();
  const owner = (await get('a')) as Widget;
  const metadata = { name: 'owned', namespace: 'default', ownerReferences: [ownerReferenceTo(owner)] };
  await api.create(secretResource, { metadata }, { signal });
  await api.delete(widgetResource, owner.metadata, { signal });
  expect(await api.list(secretResource, { signal })).toEqual([]);
});

test('what a caller does to an object it was given changes nothing in the table', async () => {
  await put('a.yaml', manifest('a', '{tags: {k: v}}'));
  await api.reload();
  const mine = (await get('a')) as Widget;
  mine.spec.tags = { forged: 'yes' };
  expect((await get('a'))?.spec.tags).toEqual({ k: 'v' });
});

test('objects of a watch are shared and cannot be changed', async () => {
  await put('a.yaml', manifest('a'));
  await api.reload();
  const stop = new AbortController();
  for await (const event of api.watch(widgetResource, { signal: stop.signal })) {
    if (event.type !== 'InitApply') continue;
    expect(() => (event.object.spec.size = 9)).toThrow(TypeError);
    stop.abort();
  }
});

test('built-in kinds have no generation', async () => {
  const made = await api.create(
    secretResource,
    { metadata: { name: 's', namespace: 'default' }, data: {} },
    { signal },
  );
  expect(made.metadata).not.toHaveProperty('generation');
});

const event = (name: string, count?: number): KubeEvent => ({
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  metadata: { name, namespace: 'default' },
  eventTime: '',
  reportingController: 'c',
  reportingInstance: 'i',
  action: 'A',
  reason: 'R',
  type: 'Normal' as const,
  regarding: { apiVersion: 'v1', kind: 'K', name: 'n' },
  note: '',
  ...(count === undefined ? {} : { series: { count, lastObservedTime: '' } }),
});

test('events are kept, a series in the place of its first event, the oldest forgotten', async () => {
  await api.emitEvent(event('a'), { signal });
  await api.emitEvent(event('a', 2), { signal });
  expect(api.events.map(({ series }) => series?.count)).toEqual([2]);
  for (let other = 0; other < 1001; other += 1) await api.emitEvent(event(`e${other}`), { signal });
  expect([api.events.length, api.events[0]?.metadata.name]).toEqual([1000, 'e1']);
});
