import type { WatchEvent, WatchOptions } from './cluster-api.ts';
import { EventBuffer } from './event-buffer.ts';
import { parseLabelSelector } from './label-selector.ts';
import type { ObjectTable } from './object-table.ts';
import { keyOf, resourceName, type KubeObject, type ObjectKey, type ResourceType } from './resource.ts';

/** Says whether an object is of the selection. Throws when a selector is not one. */
export function isSelected(options: Omit<WatchOptions, 'signal'>): (object: KubeObject) => boolean {
  const { namespace, fieldSelector } = options;
  const hasLabels = parseLabelSelector(options.labelSelector);
  const hasFields = parseFieldSelector(fieldSelector);
  return ({ metadata }) =>
    (namespace === undefined || metadata.namespace === namespace) && hasLabels(metadata.labels) && hasFields(metadata);
}

/** As a real API server has for every kind: name and namespace, joined by commas. */
function parseFieldSelector(selector: string | undefined): (metadata: KubeObject['metadata']) => boolean {
  const tests = (selector ?? '')
    .split(',')
    .filter(Boolean)
    .map((text) => {
      const match = /^metadata\.(name|namespace)(=|==|!=)([^=!]*)$/.exec(text.trim());
      if (match === null) throw new Error(`not a field selector that is served here: ${text}`);
      const field = match[1] as 'name' | 'namespace';
      return (metadata: KubeObject['metadata']) => (metadata[field] === match[3]) !== (match[2] === '!=');
    });
  return (metadata) => tests.every((holds) => holds(metadata));
}

/** Follows a kind in a table. An object that leaves the selection is told as deleted, as on a real API server. */
export async function* watchTable<T extends KubeObject>(
  table: ObjectTable,
  resource: ResourceType<T>,
  options: WatchOptions,
): AsyncGenerator<WatchEvent<T>> {
  const selected = isSelected(options);
  const view = (object: KubeObject): T => (options.metadataOnly === true ? metadataOf(object) : object) as T;
  const buffer = new EventBuffer<WatchEvent<T>>(options.signal);
  const told = new Set<ObjectKey>();
  buffer.push({ type: 'Init' });
  for (const object of table.objects(resource).filter(selected)) {
    told.add(keyOf(object));
    buffer.push({ type: 'InitApply', object: view(object) });
  }
  buffer.push({ type: 'InitDone' });
  const unsubscribe = table.subscribe(({ resource: changed, type, object }) => {
    if (resourceName(changed) !== resourceName(resource)) return;
    const key = keyOf(object);
    if (type === 'Apply' && selected(object)) {
      told.add(key);
      buffer.push({ type: 'Apply', object: view(object) });
    } else if (told.delete(key)) buffer.push({ type: 'Delete', object: view(object) });
  });
  try {
    yield* buffer;
  } finally {
    unsubscribe();
  }
}

function metadataOf({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  return { apiVersion, kind, metadata };
}
