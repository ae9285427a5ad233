// SPDX-License-Identifier: Apache-2.0
/**
 * Builds the images and writes each as a docker-archive that a cluster can load.
 *
 *     node tools/images/build.ts [--target kms,agent,…] [--out DIR]
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { cacheFolder } from '../cluster/cache-folder.ts';
import { ensurePrograms } from '../cluster/debian.ts';
import { compileStatic, writeProgramImage } from './archive.ts';
import type { BaseName } from './base.ts';
import { imageBuilder } from './builders.ts';
import { contextFingerprint, stageAgent, stageRuntime } from './context.ts';
import type { ContextPart } from './context.ts';

/** How to build. */
export interface BuildOptions {
  /** Every target by default. */
  readonly targets?: readonly string[];
  /** Folder for the archives; one in the cache folder by default. */
  readonly out?: string;
  /** The checkout to build; this one by default. */
  readonly checkout?: string;
}

const here: string = resolve(import.meta.dirname, '../..');

/** Target of the Dockerfile → the folder of the build context that is its own. */
const processTargets: Readonly<Record<string, ContextPart>> = {
  kms: 'app',
  hsm: 'app',
  'hsm-softhsm2': 'app',
  'xki-proxy': 'app',
  operator: 'app',
  webhook: 'app',
  metadata: 'app',
  cli: 'app',
  agent: 'agent',
};

/** Targets whose base has more than the libraries of Node. */
const targetBases: Readonly<Record<string, BaseName>> = { 'hsm-softhsm2': 'softhsm2' };

const stages: Readonly<Record<ContextPart, (checkout: string, context: string) => void>> = {
  app: stageRuntime,
  agent: stageAgent,
};

/** Image of one static program → its source. */
const programTargets: Readonly<Record<string, string>> = {
  'metadata-address': 'src/metadata/address/metadata-address.c',
  'test-app': 'tools/images/test-app/test-app.c',
};

/** Every image that can be built. */
export const imageTargets: readonly string[] = [...Object.keys(processTargets), ...Object.keys(programTargets)];

/** The name that an image has in the cluster. */
export function imageName(target: string): string {
  return `localhost/kaap/${target}:dev`;
}

/** Builds images and returns target → path of its docker-archive. */
export function buildImages(options: BuildOptions = {}): Record<string, string> {
  const targets = options.targets ?? imageTargets;
  const unknown = targets.filter((target) => !imageTargets.includes(target));
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(', ')}; known: ${imageTargets.join(', ')}`);
  const checkout = options.checkout ?? here;
  const out = resolve(options.out ?? cacheFolder('images'));
  mkdirSync(out, { recursive: true });
  const archive = (target: string): string => join(out, `${target}.tar`);
  buildProcesses(
    targets.filter((target) => Object.hasOwn(processTargets, target)),
    checkout,
    archive,
  );
  for (const target of targets.filter((name) => Object.hasOwn(programTargets, name))) buildProgram(target, out);
  return Object.fromEntries(targets.map((target) => [target, archive(target)]));
}

function buildProcesses(targets: readonly string[], checkout: string, archive: (target: string) => string): void {
  const context = cacheFolder('images', 'context');
  const dockerfile = join(checkout, 'Dockerfile');
  const fingerprints = new Map<ContextPart, string>();
  for (const part of new Set(targets.flatMap((target) => processTargets[target] ?? []))) {
    stages[part](checkout, context);
    fingerprints.set(part, contextFingerprint(dockerfile, context, part));
  }
  const inputs = (target: string): string => fingerprints.get(processTargets[target] ?? 'app') ?? '';
  const changed = targets.filter((target) => !isCurrent(archive(target), inputs(target)));
  if (changed.length === 0) return;
  const builder = imageBuilder();
  for (const target of changed) {
    const base = targetBases[target] ?? 'plain';
    builder.build({ dockerfile, target, base, context, tag: imageName(target) });
    builder.save(imageName(target), archive(target));
    writeFileSync(inputsRecord(archive(target)), inputs(target));
  }
  builder.prune();
}

/** Whether an archive was made from these inputs already. The builder's own cache says so too, but takes seconds. */
function isCurrent(archive: string, inputs: string): boolean {
  const record = inputsRecord(archive);
  return existsSync(archive) && existsSync(record) && readFileSync(record, 'utf8') === inputs;
}

function inputsRecord(archive: string): string {
  return `${archive}.inputs`;
}

function buildProgram(target: string, out: string): void {
  ensurePrograms(['musl-gcc']);
  const program = join(out, target);
  compileStatic(join(here, programTargets[target] ?? ''), program);
  const image = { name: imageName(target), program, entrypoint: `/${target}`, user: '65532' };
  writeProgramImage(image, join(out, `${target}.tar`));
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { target: { type: 'string' }, out: { type: 'string' } } });
  const built = buildImages({
    ...(values.target && { targets: values.target.split(',') }),
    ...(values.out && { out: values.out }),
  });
  for (const [target, archive] of Object.entries(built)) process.stdout.write(`${imageName(target)} ${archive}\n`);
}
