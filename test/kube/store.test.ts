import { describe, expect, test } from 'vitest';
import { Store, type StoreChange } from '../../src/kube/store.ts';
import { widget, type Widget } from '../support/widget.ts';

function storeOf(...objects: Widget[]): Store<Widget> {
  const store = new Store<Widget>();
  list(store, objects);
  return store;
}

function list(store: Store<Widget>, objects: Widget[]): void {
  store.handle({ type: 'Init' });
  for (const object of objects) store.handle({ type: 'InitApply', object });
  store.handle({ type: 'InitDone' });
}

function changesOf(store: Store<Widget>): string[] {
  const changes: string[] = [];
  store.subscribe((change: StoreChange<Widget>) => {
    const known = change.type === 'Apply' && change.previous !== undefined ? ' again' : '';
    changes.push(`${change.type} ${change.key}${known}`);
  });
  return changes;
}

const red = (name: string): Widget => widget(name, { spec: { colour: 'red' } });
const byColour = (object: Widget): string[] => (object.spec.colour === undefined ? [] : [object.spec.colour]);

describe('a listing', () => {
  test('is invisible until it is complete', () => {
    const store = new Store<Widget>();
    store.handle({ type: 'Init' });
    store.handle({ type: 'InitApply', object: widget('a') });
    expect([store.size, store.hasSynced]).toEqual([0, false]);
    store.handle({ type: 'InitDone' });
    expect([store.size, store.hasSynced]).toEqual([1, true]);
  });

  test('that breaks off and begins anew leaves nothing behind', () => {
    const store = storeOf(widget('a'));
    store.handle({ type: 'Init' });
    store.handle({ type: 'InitApply', object: widget('half') });
    list(store, [widget('a'), widget('b')]);
    expect([...store.keys()]).toEqual(['default/a', 'default/b']);
  });

  test('tells what disappeared and what changed while the watch was down, and nothing else', () => {
    const store = storeOf(widget('gone'), widget('same'), widget('changed'));
    const changes = changesOf(store);
    list(store, [widget('same'), widget('changed', { metadata: { resourceVersion: '2' } }), widget('new')]);
    expect(changes).toEqual(['Delete default/gone', 'Apply default/changed again', 'Apply default/new']);
  });

  test('takes an object of the same version and another uid for a change', () => {
    const store = storeOf(widget('a'));
    const changes = changesOf(store);
    list(store, [widget('a', { metadata: { uid: 'other' } })]);
    expect(changes).toEqual(['Apply default/a again']);
  });
});

describe('an index', () => {
  test('follows every change', () => {
    const store = storeOf(red('a'), red('b'));
    store.addIndex('colour', byColour);
    expect(store.byIndex('colour', 'red')).toHaveLength(2);
    store.handle({
      type: 'Apply',
      object: widget('a', { metadata: { resourceVersion: '2' }, spec: { colour: 'blue' } }),
    });
    store.handle({ type: 'Delete', object: red('b') });
    expect([store.byIndex('colour', 'red').length, store.byIndex('colour', 'blue').length]).toEqual([0, 1]);
    list(store, [red('c')]);
    expect([store.byIndex('colour', 'red').length, store.byIndex('colour', 'blue').length]).toEqual([1, 0]);
  });

  test('that does not exist is an error, not an empty answer', () => {
    expect(() => storeOf().byIndex('colour', 'red')).toThrow('no index colour');
  });

  test('cannot be replaced by another function of the same name', () => {
    const store = storeOf();
    store.addIndex('colour', byColour);
    store.addIndex('colour', byColour);
    expect(() => store.addIndex('colour', () => [])).toThrow('has an index colour already');
  });
});

describe('waiting for the first listing', () => {
  test('ends with it', async () => {
    const store = new Store<Widget>();
    const ready = store.synced(new AbortController().signal);
    list(store, []);
    await ready;
    await store.synced(new AbortController().signal);
  });

  test('ends with the signal', async () => {
    const stop = new AbortController();
    const ready = new Store<Widget>().synced(stop.signal);
    stop.abort(new Error('stopped'));
    await expect(ready).rejects.toThrow('stopped');
  });
});

test('a listener that unsubscribed hears nothing', () => {
  const store = storeOf();
  const heard: string[] = [];
  const stop = store.subscribe((change) => heard.push(change.key));
  stop();
  store.handle({ type: 'Apply', object: widget('a') });
  expect(heard).toEqual([]);
});
