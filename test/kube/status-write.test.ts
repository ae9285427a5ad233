import { describe, expect, test } from 'vitest';
import { ManifestClusterApi } from '../../src/kube/manifest-cluster-api.ts';
import { applyDecidedStatus } from '../../src/kube/status-write.ts';
import { widgetResource, type Widget } from '../support/widget.ts';

const signal = new AbortController().signal;
const user = { fieldManager: 'user', signal };
const controller = { fieldManager: 'controller', signal };
const metadata = { name: 'a', namespace: 'default' };

async function start(): Promise<{ api: ManifestClusterApi; read: Widget }> {
  const api = new ManifestClusterApi({ resources: [widgetResource] });
  return { api, read: await api.apply(widgetResource, { metadata, spec: { size: 1 } }, user) };
}

describe('A status that was decided from an object as it was read', () => {
  test('is written', async () => {
    const { api, read } = await start();
    expect(await applyDecidedStatus(api, widgetResource, read, { phase: 'Done' }, controller)).toBe(true);
    expect((await api.get(widgetResource, metadata, { signal }))?.status).toEqual({ phase: 'Done' });
  });

  test('is written past a change that has nothing to do with it', async () => {
    const { api, read } = await start();
    await api.apply(widgetResource, { metadata: { ...metadata, labels: { a: 'b' } }, spec: { size: 1 } }, user);
    expect(await applyDecidedStatus(api, widgetResource, read, { phase: 'Done' }, controller)).toBe(true);
  });

  test('G3: is refused when the spec has changed since', async () => {
    const { api, read } = await start();
    await api.apply(widgetResource, { metadata, spec: { size: 2 } }, user);
    const write = applyDecidedStatus(api, widgetResource, read, { phase: 'Done' }, controller);
    await expect(write).rejects.toMatchObject({ status: 409 });
  });

  test('G3: is refused when another look has found something else since', async () => {
    const { api, read } = await start();
    await api.applyStatus(widgetResource, metadata, { phase: 'Newer' }, controller);
    const write = applyDecidedStatus(api, widgetResource, read, { phase: 'Older' }, controller);
    await expect(write).rejects.toMatchObject({ status: 409 });
    expect((await api.get(widgetResource, metadata, { signal }))?.status).toEqual({ phase: 'Newer' });
  });

  test('G7: is not written again when it stands there already', async () => {
    const { api, read } = await start();
    const written = await api.applyStatus(widgetResource, metadata, { phase: 'Done' }, controller);
    expect(await applyDecidedStatus(api, widgetResource, read, { phase: 'Done' }, controller)).toBe(false);
    expect(await api.get(widgetResource, metadata, { signal })).toEqual(written);
  });

  test('B5: is refused for another object of the same name', async () => {
    const { api, read } = await start();
    await api.delete(widgetResource, metadata, { signal });
    await api.apply(widgetResource, { metadata, spec: { size: 1 } }, user);
    const write = applyDecidedStatus(api, widgetResource, read, { phase: 'Done' }, controller);
    await expect(write).rejects.toMatchObject({ status: 409 });
  });
});
