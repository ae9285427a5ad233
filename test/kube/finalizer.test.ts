import { describe, expect, test } from 'vitest';
import { runWithFinalizer } from '../../src/kube/finalizer.ts';
import { ManifestClusterApi } from '../../src/kube/manifest-cluster-api.ts';
import { widgetResource, type Widget } from '../support/widget.ts';

const finalizer = 'test.kaap.dev/outside';
const { signal } = new AbortController();

async function setup(finalizers: string[] = [], deleting = false) {
  const api = new ManifestClusterApi({ resources: [] });
  const metadata = { name: 'w', namespace: 'default', finalizers };
  await api.create<Widget>(widgetResource, { metadata, spec: {} }, { signal });
  if (deleting) await api.delete(widgetResource, metadata, { signal });
  const read = (): Promise<Widget | undefined> => api.get(widgetResource, metadata, { signal });
  const steps: string[] = [];
  const run = async (object: Widget, cleanup = (): Promise<void> => Promise.resolve()): Promise<unknown> =>
    runWithFinalizer(object, {
      api,
      resource: widgetResource,
      finalizer,
      apply: async ({ metadata: { finalizers: present = [] } }) => {
        steps.push(`apply with ${present.join()}; stored ${(await read())?.metadata.finalizers?.join() ?? ''}`);
        return { requeueAfterMs: 7 };
      },
      cleanup: async () => {
        steps.push('cleanup');
        await cleanup();
      },
      signal,
    });
  return { api, read, run, steps, object: (await read()) as Widget };
}

describe('an object that lives', () => {
  test('gets the finalizer before anything is applied', async () => {
    const { run, steps, object } = await setup(['other']);
    expect(await run(object)).toEqual({ requeueAfterMs: 7 });
    expect(steps).toEqual([`apply with other,${finalizer}; stored other,${finalizer}`]);
  });

  test('that has changed since it was read is not touched', async () => {
    const { api, run, steps, object } = await setup();
    await api.update(widgetResource, { ...object, spec: { size: 2 } }, { signal });
    await expect(run(object)).rejects.toMatchObject({ status: 409, reason: 'Conflict' });
    expect(steps).toEqual([]);
  });
});

describe('an object that is being deleted', () => {
  test('is cleaned up and goes', async () => {
    const { read, run, steps, object } = await setup([finalizer], true);
    await run(object);
    expect(steps).toEqual(['cleanup']);
    expect(await read()).toBeUndefined();
  });

  test('stays as long as the cleanup fails', async () => {
    const { read, run, object } = await setup([finalizer], true);
    await expect(run(object, () => Promise.reject(new Error('still in use')))).rejects.toThrow('still in use');
    expect((await read())?.metadata.finalizers).toEqual([finalizer]);
  });

  test('keeps the finalizers of others', async () => {
    const { read, run, object } = await setup([finalizer, 'other'], true);
    await run(object);
    expect((await read())?.metadata.finalizers).toEqual(['other']);
  });

  test('without our finalizer is not cleaned up again', async () => {
    const { run, steps, object } = await setup(['other'], true);
    await run(object);
    expect(steps).toEqual([]);
  });

  test('may be gone by the end of the cleanup', async () => {
    const { api, run, object } = await setup([finalizer], true);
    const byHand = (): Promise<void> =>
      api.patchFinalizers(widgetResource, object, [], { signal }).then(() => undefined);
    await run(object, byHand);
  });
});
