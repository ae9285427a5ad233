import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { messageOf } from '../lib/errors.ts';
import { apiVersionOf, keyOf, type KubeObject, type ResourceType } from './resource.ts';

/** An object of a manifest, and what kind it is. */
export interface Manifest {
  resource: ResourceType;
  object: KubeObject;
}

/** Something about a file that the user has to mend. */
export interface ManifestProblem {
  /** Path below the folder. */
  file: string;
  message: string;
}

/** What a file holds; undefined when it cannot be read as manifests. */
export type ManifestFile = readonly Manifest[] | undefined;

export interface ManifestFolder {
  files: ReadonlyMap<string, ManifestFile>;
  problems: ManifestProblem[];
}

/**
 * Reads all `.yaml`, `.yml` and `.json` files of a folder and the folders in it, in the order of their names. Files and
 * folders whose names begin with a dot are left out, as are symbolic links to folders.
 */
export async function readManifests(folder: string, resources: readonly ResourceType[]): Promise<ManifestFolder> {
  const files = new Map<string, ManifestFile>();
  const problems: ManifestProblem[] = [];
  for (const file of await manifestPaths(folder)) {
    try {
      files.set(file, parseManifests(await readFile(join(folder, file), 'utf8'), resources));
    } catch (error) {
      files.set(file, undefined);
      problems.push({ file, message: messageOf(error) });
    }
  }
  return { files, problems };
}

async function manifestPaths(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory()) {
      for (const path of await manifestPaths(join(folder, entry.name))) paths.push(join(entry.name, path));
    } else if (/\.(ya?ml|json)$/.test(entry.name)) paths.push(entry.name);
  }
  return paths.toSorted();
}

/** Parses the documents of a manifest, `List`s taken apart. Throws, saying which document is at fault. */
export function parseManifests(text: string, resources: readonly ResourceType[]): Manifest[] {
  const manifests: Manifest[] = [];
  const documents = parseAllDocuments(text, { version: '1.1' });
  if (!Array.isArray(documents)) return manifests;
  for (const [at, document] of documents.entries()) {
    // The code only: the parser's message quotes the text, which may hold a secret.
    const [error] = document.errors;
    if (error !== undefined) throw new Error(`document ${at + 1} is not YAML: ${error.code}`);
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    if (value === null || value === undefined) continue;
    for (const item of itemsOf(value)) manifests.push(manifestOf(item, resources, at + 1));
  }
  return manifests;
}

function itemsOf(value: unknown): unknown[] {
  const list = value as { kind?: unknown; items?: unknown };
  return typeof value === 'object' && list.kind === 'List' && Array.isArray(list.items) ? list.items : [value];
}

function manifestOf(value: unknown, resources: readonly ResourceType[], document: number): Manifest {
  const { apiVersion, kind, metadata } = (value ?? {}) as Partial<KubeObject>;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || typeof metadata?.name !== 'string') {
    throw new Error(`document ${document} is no Kubernetes object: it needs apiVersion, kind and metadata.name`);
  }
  const resource = resources.find((row) => row.kind === kind && apiVersionOf(row) === apiVersion);
  if (resource === undefined)
    throw new Error(`document ${document}: ${apiVersion} ${kind} is not a kind that is served here`);
  const { namespace: _namespace, ...rest } = metadata;
  const scoped = resource.namespaced ? { ...rest, namespace: metadata.namespace ?? 'default' } : rest;
  return { resource, object: { ...(value as object), apiVersion, kind, metadata: scoped } };
}

/** A text that is the same for two manifests of one object. */
export function manifestId({ resource, object }: Manifest): string {
  return `${apiVersionOf(resource)} ${resource.kind} ${keyOf(object)}`;
}
