import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterApi, WatchEvent } from '../../src/kube/cluster-api.ts';
import type { Condition } from '../../src/kube/conditions.ts';
import { ownerReferenceTo, type ObjectRef } from '../../src/kube/resource.ts';
import { widgetResource, type Widget } from './widget.ts';

/** What a variant of the suite runs on. */
export interface ContractSubject {
  api: ClusterApi;
  stop(): Promise<void>;
}

const namespace = 'default';
const signal = AbortSignal.timeout(300_000);
const one = { fieldManager: 'one', signal };
const two = { fieldManager: 'two', signal };

/** What every {@link ClusterApi} does. One suite for the real API server and for everything that stands in for it. */
export function describeClusterApi(name: string, start: () => Promise<ContractSubject>): void {
  describe(`cluster API contract: ${name}`, () => {
    let subject: ContractSubject;
    const api = (): ClusterApi => subject.api;
    const get = (ref: ObjectRef): Promise<Widget | undefined> => api().get(widgetResource, ref, { signal });

    beforeAll(async () => {
      subject = await start();
    });
    afterAll(async () => {
      await subject?.stop();
    });

    describeReads(api, get);
    describeApply(api);
    describeDryRun(api, get);
    describeStatus(api, get);
    describeUpdates(api, get);
    describeDeletion(api, get);
    describeWatch(api);
  });
}

type Get = (ref: ObjectRef) => Promise<Widget | undefined>;
type Api = () => ClusterApi;

function describeReads(api: Api, get: Get): void {
  test('create gives the object with what the server keeps for itself', async () => {
    const made = await api().create<Widget>(
      widgetResource,
      { metadata: { name: 'made', namespace }, spec: { size: 1 } },
      { signal },
    );
    expect(made).toMatchObject({ apiVersion: 'test.kaap.dev/v1', kind: 'Widget', spec: { size: 1 } });
    expect(made.metadata).toMatchObject({ name: 'made', namespace, generation: 1 });
    expect(made.metadata.uid).toMatch(/./);
    expect(made.metadata.resourceVersion).toMatch(/./);
    expect(made.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(await get({ namespace, name: 'made' })).toEqual(made);
  });

  test('a name that is taken is refused with 409 AlreadyExists', async () => {
    const object = { metadata: { name: 'taken', namespace }, spec: {} };
    await api().create<Widget>(widgetResource, object, { signal });
    const again = api().create<Widget>(widgetResource, object, { signal });
    await expect(again).rejects.toMatchObject({ status: 409, reason: 'AlreadyExists' });
  });

  test('an object that does not exist reads as undefined', async () => {
    expect(await get({ namespace, name: 'nobody' })).toBeUndefined();
  });

  test('list gives the objects of a selection, with apiVersion and kind', async () => {
    for (const tier of ['front', 'back']) {
      const metadata = { name: `listed-${tier}`, namespace, labels: { tier, suite: 'list' } };
      await api().create<Widget>(widgetResource, { metadata, spec: {} }, { signal });
    }
    const all = await api().list(widgetResource, { labelSelector: 'suite=list', signal });
    expect(all.map((object) => object.metadata.name).toSorted()).toEqual(['listed-back', 'listed-front']);
    expect(all[0]).toMatchObject({ apiVersion: 'test.kaap.dev/v1', kind: 'Widget' });
    const front = await api().list(widgetResource, { namespace, labelSelector: 'suite in (list),tier!=back', signal });
    expect(front.map((object) => object.metadata.name)).toEqual(['listed-front']);
    expect(await api().list(widgetResource, { namespace: 'elsewhere', signal })).toEqual([]);
  });
}

function describeApply(api: Api): void {
  const apply = (name: string, spec: Widget['spec'], options = one): Promise<Widget> =>
    api().apply(widgetResource, { metadata: { name, namespace }, spec }, options);

  test('apply creates what is not there, and a repetition changes nothing', async () => {
    const first = await apply('applied', { size: 1 });
    const second = await apply('applied', { size: 1 });
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    expect(second.metadata.generation).toBe(1);
  });

  test('a changed spec counts one generation up, changed labels do not', async () => {
    await apply('counted', { size: 1 });
    expect((await apply('counted', { size: 2 })).metadata.generation).toBe(2);
    const labelled = { metadata: { name: 'counted', namespace, labels: { a: 'b' } }, spec: { size: 2 } };
    const after = await api().apply(widgetResource, labelled, one);
    expect(after.metadata).toMatchObject({ generation: 2, labels: { a: 'b' } });
  });

  test('fields that a manager leaves out the next time are removed', async () => {
    await apply('given-up', { size: 1, tags: { a: '1', b: '2' } });
    const after = await apply('given-up', { tags: { b: '2' } });
    expect(after.spec).toEqual({ tags: { b: '2' } });
  });

  test('fields of another manager stay, also when both own them', async () => {
    await apply('shared', { size: 1, colour: 'red' });
    await apply('shared', { colour: 'red', tags: { a: '1' } }, two);
    expect((await apply('shared', {})).spec).toEqual({ colour: 'red', tags: { a: '1' } });
  });

  test('without force a field of another manager is a conflict, with force it changes hands', async () => {
    await apply('contested', { colour: 'red' });
    const refused = api().apply(
      widgetResource,
      { metadata: { name: 'contested', namespace }, spec: { colour: 'blue' } },
      { ...two, force: false },
    );
    await expect(refused).rejects.toMatchObject({ status: 409, reason: 'Conflict' });
    expect((await apply('contested', { colour: 'blue' }, two)).spec.colour).toBe('blue');
    expect((await apply('contested', {})).spec.colour).toBe('blue');
  });
}

function condition(type: string, status: Condition['status']): Condition {
  return { type, status, reason: 'Tested', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
}

function describeDryRun(api: Api, get: Get): void {
  const ref = { namespace, name: 'asked-for' };
  const create = (dryRun: boolean): Promise<Widget> =>
    api().create<Widget>(widgetResource, { metadata: ref, spec: { size: 1 } }, { signal, dryRun });

  test('a dry run answers as a creation does, creates nothing, and tells that a name is taken', async () => {
    expect(await create(true)).toMatchObject({ metadata: ref, spec: { size: 1 } });
    expect(await get(ref)).toBeUndefined();
    await create(false);
    await expect(create(true)).rejects.toMatchObject({ status: 409, reason: 'AlreadyExists' });
  });
}

function describeStatus(api: Api, get: Get): void {
  const create = (name: string): Promise<Widget> =>
    api().create<Widget>(widgetResource, { metadata: { name, namespace }, spec: { size: 1 } }, { signal });

  test('a status is applied without touching spec or generation', async () => {
    await create('reported');
    const after = await api().applyStatus(widgetResource, { namespace, name: 'reported' }, { phase: 'Done' }, one);
    expect(after).toMatchObject({ spec: { size: 1 }, status: { phase: 'Done' }, metadata: { generation: 1 } });
    expect((await get({ namespace, name: 'reported' }))?.status).toEqual({ phase: 'Done' });
  });

  test('conditions of two managers live side by side by type', async () => {
    const ref = { namespace, name: 'two-conditions' };
    await create(ref.name);
    await api().applyStatus(widgetResource, ref, { conditions: [condition('Ready', 'True')] }, one);
    await api().applyStatus(widgetResource, ref, { conditions: [condition('Synced', 'False')] }, two);
    const after = await api().applyStatus(widgetResource, ref, { conditions: [condition('Ready', 'False')] }, one);
    const states = after.status?.conditions?.map(({ type, status }) => `${type}=${status}`).toSorted();
    expect(states).toEqual(['Ready=False', 'Synced=False']);
    const last = await api().applyStatus(widgetResource, ref, {}, one);
    expect(last.status?.conditions?.map(({ type }) => type)).toEqual(['Synced']);
  });

  test('a status never creates an object', async () => {
    const write = api().applyStatus(widgetResource, { namespace, name: 'ghost' }, { phase: 'Done' }, one);
    await expect(write).rejects.toMatchObject({ status: 404, reason: 'NotFound' });
  });

  test('a status for another incarnation of the name is a conflict', async () => {
    await create('reborn');
    const ref = { namespace, name: 'reborn', uid: '00000000-0000-4000-8000-000000000000' };
    await expect(api().applyStatus(widgetResource, ref, { phase: 'Done' }, one)).rejects.toMatchObject({ status: 409 });
  });

  test('a status that was decided from an older version is refused with 409', async () => {
    const ref = { namespace, name: 'outdated' };
    const read = await api().apply(widgetResource, { metadata: ref, spec: { size: 1 } }, one);
    await api().apply(widgetResource, { metadata: ref, spec: { size: 2 } }, one);
    const outdated = { ...ref, resourceVersion: read.metadata.resourceVersion };
    const write = api().applyStatus(widgetResource, outdated, { phase: 'Done' }, one);
    await expect(write).rejects.toMatchObject({ status: 409, reason: 'Conflict' });
  });

  test('create, apply and update leave the status alone', async () => {
    const ref = { namespace, name: 'unmoved' };
    await create(ref.name);
    const reported = await api().applyStatus(widgetResource, ref, { phase: 'Done' }, one);
    const updated = await api().update(widgetResource, { ...reported, status: { phase: 'Forged' } }, { signal });
    expect(updated.status).toEqual({ phase: 'Done' });
  });
}

function describeUpdates(api: Api, get: Get): void {
  test('an update of what has changed since is a conflict', async () => {
    const metadata = { name: 'raced', namespace };
    const read = await api().create<Widget>(widgetResource, { metadata, spec: { size: 1 } }, { signal });
    await api().update(widgetResource, { ...read, spec: { size: 2 } }, { signal });
    const late = api().update(widgetResource, { ...read, spec: { size: 3 } }, { signal });
    await expect(late).rejects.toMatchObject({ status: 409, reason: 'Conflict' });
    expect(await get(metadata)).toMatchObject({ spec: { size: 2 }, metadata: { generation: 2 } });
  });

  test('finalizers of what has changed since are a conflict', async () => {
    const metadata = { name: 'raced-finalizers', namespace };
    const read = await api().create<Widget>(widgetResource, { metadata, spec: {} }, { signal });
    const set = await api().patchFinalizers(widgetResource, read, ['test.kaap.dev/a'], { signal });
    expect(set.metadata.finalizers).toEqual(['test.kaap.dev/a']);
    const late = api().patchFinalizers(widgetResource, read, [], { signal });
    await expect(late).rejects.toMatchObject({ status: 409, reason: 'Conflict' });
    const cleared = await api().patchFinalizers(widgetResource, set, [], { signal });
    expect(cleared.metadata.finalizers ?? []).toEqual([]);
  });
}

function describeDeletion(api: Api, get: Get): void {
  const create = (name: string, finalizers: string[] = []): Promise<Widget> =>
    api().create<Widget>(widgetResource, { metadata: { name, namespace, finalizers }, spec: {} }, { signal });

  test('deletion takes an object away, and once more does no harm', async () => {
    const ref = { namespace, name: 'deleted' };
    await create(ref.name);
    await api().delete(widgetResource, ref, { signal });
    expect(await get(ref)).toBeUndefined();
    await api().delete(widgetResource, ref, { signal });
  });

  test('deletion of another incarnation of the name is a conflict', async () => {
    const ref = { namespace, name: 'spared' };
    await create(ref.name);
    const wrong = api().delete(widgetResource, ref, { uid: '00000000-0000-4000-8000-000000000000', signal });
    await expect(wrong).rejects.toMatchObject({ status: 409 });
    expect(await get(ref)).toBeDefined();
  });

  test('an object with a finalizer stays, marked, until the last one is gone', async () => {
    const ref = { namespace, name: 'held' };
    await create(ref.name, ['test.kaap.dev/a', 'test.kaap.dev/b']);
    await api().delete(widgetResource, ref, { signal });
    const marked = await get(ref);
    expect(marked?.metadata.deletionTimestamp).toMatch(/Z$/);
    expect(marked?.metadata.generation).toBe(2);
    const half = await api().patchFinalizers<Widget>(widgetResource, marked as Widget, ['test.kaap.dev/b'], { signal });
    expect(await get(ref)).toBeDefined();
    await api().patchFinalizers(widgetResource, half, [], { signal });
    expect(await get(ref)).toBeUndefined();
  });

  test('no finalizer can be added to an object that is being deleted', async () => {
    const ref = { namespace, name: 'doomed' };
    await create(ref.name, ['test.kaap.dev/a']);
    await api().delete(widgetResource, ref, { signal });
    const marked = (await get(ref)) as Widget;
    const late = api().patchFinalizers(widgetResource, marked, ['test.kaap.dev/a', 'test.kaap.dev/b'], { signal });
    await expect(late).rejects.toMatchObject({ status: 422, reason: 'Invalid' });
    await api().patchFinalizers(widgetResource, marked, [], { signal });
  });
}

function describeWatch(api: Api): void {
  const labels = { suite: 'watch' };
  const put = (tier: string): Promise<unknown> =>
    api().apply(widgetResource, { metadata: { name: 'leaver', namespace, labels: { tier } }, spec: {} }, one);

  test('a watch lists, then follows, and ends with its signal', async () => {
    const before = { metadata: { name: 'watched-before', namespace, labels }, spec: {} };
    await api().create<Widget>(widgetResource, before, { signal });
    const stop = new AbortController();
    const events: string[] = [];
    const act: Record<string, () => Promise<unknown>> = {
      InitDone: () => api().apply(widgetResource, { metadata: { name: 'watched', namespace, labels }, spec: {} }, one),
      'Apply watched': () => api().delete(widgetResource, { namespace, name: 'watched' }, { signal }),
    };
    for await (const event of api().watch(widgetResource, { labelSelector: 'suite=watch', signal: stop.signal })) {
      events.push(nameOf(event));
      await act[events.at(-1) ?? '']?.();
      if (event.type === 'Delete') stop.abort();
    }
    expect(events).toEqual(['Init', 'InitApply watched-before', 'InitDone', 'Apply watched', 'Delete watched']);
  });

  test('an object that leaves the selection is told as deleted', async () => {
    const stop = new AbortController();
    const events: string[] = [];
    for await (const event of api().watch(widgetResource, { labelSelector: 'tier=in', signal: stop.signal })) {
      events.push(nameOf(event));
      if (event.type === 'InitDone') await put('in');
      if (event.type === 'Apply') await put('out');
      if (event.type === 'Delete') stop.abort();
    }
    expect(events).toEqual(['Init', 'InitDone', 'Apply leaver', 'Delete leaver']);
  });

  test('a metadata-only watch gives the kind and nothing of the spec', async () => {
    const made = await api().create<Widget>(
      widgetResource,
      { metadata: { name: 'meta', namespace, labels: { suite: 'meta' } }, spec: { colour: 'red' } },
      { signal },
    );
    const stop = new AbortController();
    const seen: Widget[] = [];
    const options = { labelSelector: 'suite=meta', metadataOnly: true, signal: stop.signal };
    for await (const event of api().watch(widgetResource, options)) {
      if ('object' in event) seen.push(event.object);
      if (event.type === 'InitDone')
        await api().apply(widgetResource, { metadata: { ...identity(made), labels: { suite: 'meta', x: 'y' } } }, one);
      if (event.type === 'Apply') stop.abort();
    }
    expect(seen.map((object) => [object.kind, object.apiVersion, 'spec' in object])).toEqual([
      ['Widget', 'test.kaap.dev/v1', false],
      ['Widget', 'test.kaap.dev/v1', false],
    ]);
    expect(ownerReferenceTo(seen[0] as Widget)).toMatchObject({ kind: 'Widget', uid: made.metadata.uid });
  });
}

function identity({ metadata }: Widget): { name: string; namespace: string } {
  return { name: metadata.name, namespace: metadata.namespace ?? namespace };
}

function nameOf(event: WatchEvent<Widget>): string {
  return 'object' in event ? `${event.type} ${event.object.metadata.name}` : event.type;
}
