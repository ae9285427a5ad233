import type { PatchOperation } from './json-patch.ts';
import type { Pod } from './pod.ts';

/** A patch does not fit the document: a bug, or a patch made for another one. */
export class PatchError extends Error {
  constructor(path: string, problem: string) {
    super(`${path} ${problem}`);
    this.name = 'PatchError';
  }
}

/** The pod as the API server would make it of a patch. The pod that is given stays as it is. Throws {@link PatchError}. */
export function renderPod(pod: Pod, patch: readonly PatchOperation[]): Pod {
  // Through text: a clone would keep parts shared that a YAML anchor made one.
  const rendered = JSON.parse(JSON.stringify(pod)) as Pod;
  for (const operation of patch) applyOperation(rendered, structuredClone(operation));
  return rendered;
}

function applyOperation(document: object, { op, path, value }: PatchOperation): void {
  const parts = path.split('/').slice(1).map(unescapePart);
  const last = parts.pop();
  if (last === undefined) throw new PatchError(path, 'names the whole document');
  const parent = parts.reduce<unknown>((node, part) => memberOf(node, part, path), document);
  if (Array.isArray(parent)) return applyToArray(parent, last, { op, path, value });
  if (parent === null || typeof parent !== 'object') throw new PatchError(path, 'is in nothing that has members');
  if (op === 'replace' && !Object.hasOwn(parent, last)) throw new PatchError(path, 'does not exist');
  Object.defineProperty(parent, last, { value, writable: true, enumerable: true, configurable: true });
}

function applyToArray(array: unknown[], part: string, { op, path, value }: PatchOperation): void {
  const index = part === '-' && op === 'add' ? array.length : indexOf(part, path);
  const bound = op === 'add' ? array.length : array.length - 1;
  if (index > bound) throw new PatchError(path, 'is past the end of its array');
  array.splice(index, op === 'add' ? 0 : 1, value);
}

function memberOf(node: unknown, part: string, path: string): unknown {
  if (Array.isArray(node)) {
    const index = indexOf(part, path);
    if (index < node.length) return node[index];
  } else if (node !== null && typeof node === 'object' && Object.hasOwn(node, part)) {
    return (node as Record<string, unknown>)[part];
  }
  throw new PatchError(path, 'does not exist');
}

function indexOf(part: string, path: string): number {
  if (!/^(?:0|[1-9]\d{0,8})$/.test(part)) throw new PatchError(path, 'has a part that is not an index');
  return Number(part);
}

function unescapePart(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}
