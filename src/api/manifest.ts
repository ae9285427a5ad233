// SPDX-License-Identifier: Apache-2.0
import { isMap, LineCounter, parseAllDocuments, type Document } from 'yaml';
import { apiGroup, objectSchema, type CustomResourceType } from './custom-resource.ts';
import { describeIssue, fieldPath, type FieldProblem } from './manifest-problem.ts';
import { customResourceTypes, type KaapObject } from './registry.ts';

/** An object of a kind that is not ours: passed on as it was written. */
export interface UncheckedObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string } & Record<string, unknown>;
  [field: string]: unknown;
}

/** One thing that is wrong in a manifest. */
export interface ManifestError extends FieldProblem {
  /** Line of the text, from 1. */
  line: number;
  /** Which object, as far as it tells: `KmsKey shop/db`. */
  object: string;
}

export interface Manifest {
  /** Objects of kaap.dev, checked, with defaults applied. */
  objects: KaapObject[];
  /** Objects of other groups. */
  others: UncheckedObject[];
  /** Empty when the manifest is good. */
  errors: ManifestError[];
}

export interface ManifestOptions {
  /** Namespace of objects that name none; `default` unless given. */
  namespace?: string;
}

/** Where a document's values stand in the text. */
interface Origin {
  document: Document;
  lines: LineCounter;
  /** Path of the object in the document: empty, or that of an item of a List. */
  at: readonly PropertyKey[];
}

/**
 * Reads YAML or JSON text of any number of documents, as `kubectl apply` would send it: the same defaults are applied,
 * the same rules hold, and the same fields are named. Never throws for what the text says.
 */
export function parseManifest(text: string, options: ManifestOptions = {}): Manifest {
  const manifest: Manifest = { objects: [], others: [], errors: [] };
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  for (const document of 'empty' in documents ? [] : documents) {
    for (const { pos, message } of document.errors) {
      manifest.errors.push({ line: lines.linePos(pos[0]).line, object: 'manifest', path: '', message });
    }
    if (document.errors.length > 0) continue;
    readValue(valueOf(document), { document, lines, at: [] }, manifest, options);
  }
  return manifest;
}

/** `line 12: KmsKey shop/db: spec.aliases[1]: Duplicate value`. */
export function formatManifestError({ line, object, path, message }: ManifestError): string {
  return [`line ${line}`, object, path, message].filter((part) => part !== '').join(': ');
}

function valueOf(document: Document): unknown {
  try {
    return document.toJS();
  } catch {
    // An alias of an alias of an alias: more than anybody writes by hand.
    return '';
  }
}

function readValue(value: unknown, origin: Origin, manifest: Manifest, options: ManifestOptions): void {
  if (value === null || value === undefined) return;
  if (!isObject(value)) return fail(manifest, origin, {}, [], 'must be a Kubernetes object');
  if (value['kind'] === 'List' && Array.isArray(value['items'])) {
    for (const [index, item] of value['items'].entries()) {
      readValue(item, { ...origin, at: [...origin.at, 'items', index] }, manifest, options);
    }
    return;
  }
  if (typeof value['apiVersion'] !== 'string') return fail(manifest, origin, value, ['apiVersion'], 'Required value');
  if (value['apiVersion'].split('/')[0] === apiGroup) return readOwn(value, origin, manifest, options);
  readOther(value, origin, manifest);
}

function readOwn(value: Record<string, unknown>, origin: Origin, manifest: Manifest, options: ManifestOptions): void {
  const kind = typeof value['kind'] === 'string' ? value['kind'] : '';
  if (!Object.hasOwn(customResourceTypes, kind)) {
    const known = Object.keys(customResourceTypes).join(', ');
    return fail(manifest, origin, value, ['kind'], `Unsupported value: supported values: ${known}`);
  }
  const type = customResourceTypes[kind as KaapObject['kind']] as unknown as CustomResourceType<KaapObject>;
  const parsed = objectSchema<KaapObject>(type).safeParse(submitted(value, type, options), { reportInput: true });
  if (parsed.success) {
    manifest.objects.push(parsed.data);
    return;
  }
  for (const issue of parsed.error.issues) {
    for (const { path, message } of describeIssue(issue)) fail(manifest, origin, value, path, message);
  }
}

/** The object as an API server would take it: status ignored, and the namespace filled in or dropped. */
function submitted(
  value: Record<string, unknown>,
  type: CustomResourceType<KaapObject>,
  options: ManifestOptions,
): Record<string, unknown> {
  const { status: _status, ...rest } = value;
  if (!isObject(rest['metadata'])) return rest;
  const { namespace = options.namespace ?? 'default', ...metadata } = rest['metadata'];
  return { ...rest, metadata: type.namespaced ? { ...metadata, namespace } : metadata };
}

function readOther(value: Record<string, unknown>, origin: Origin, manifest: Manifest): void {
  const { kind, metadata } = value;
  if (typeof kind !== 'string') return fail(manifest, origin, value, ['kind'], 'Required value');
  if (!isObject(metadata) || typeof metadata['name'] !== 'string') {
    return fail(manifest, origin, value, ['metadata', 'name'], 'Required value');
  }
  manifest.others.push(value as unknown as UncheckedObject);
}

function fail(
  manifest: Manifest,
  origin: Origin,
  value: Record<string, unknown>,
  path: readonly PropertyKey[],
  message: string,
): void {
  manifest.errors.push({ line: lineOf(origin, path), object: nameOf(value), path: fieldPath(path), message });
}

function nameOf({ kind, metadata }: Record<string, unknown>): string {
  const { name, namespace } = isObject(metadata) ? metadata : {};
  const named = [namespace, name].filter((part) => typeof part === 'string').join('/');
  return [typeof kind === 'string' ? kind : 'object', named].filter((part) => part !== '').join(' ');
}

/** The line of the value at `path`, or of the nearest that exists above it. */
function lineOf({ document, lines, at }: Origin, path: readonly PropertyKey[]): number {
  const full = [...at, ...path];
  for (let length = full.length; length >= 0; length -= 1) {
    const start = startOf(document, full.slice(0, length));
    if (start !== undefined) return lines.linePos(start).line;
  }
  return 1;
}

function startOf(document: Document, path: readonly PropertyKey[]): number | undefined {
  const parent = document.getIn(path.slice(0, -1), true);
  // A key stands on the line that is meant; its value may begin on the next.
  const pair = isMap(parent) ? parent.items.find(({ key }) => String(key) === path.at(-1)) : undefined;
  const node = pair?.key ?? (path.length === 0 ? document.contents : document.getIn(path, true));
  return isObject(node) && Array.isArray(node['range']) ? (node['range'][0] as number) : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
