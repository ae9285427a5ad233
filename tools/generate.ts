// SPDX-License-Identifier: Apache-2.0
/**
 * Writes every file that is made from another.
 *
 *     node tools/generate.ts           write them
 *     node tools/generate.ts --check   change nothing; name those that are out of date, and end with 1 if there are any
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Artifact } from './generate/artifact.ts';
import { chartArtifacts } from './generate/chart.ts';
import { compatibilityArtifacts } from './generate/compatibility.ts';
import { crdArtifacts, crdFolder } from './generate/crds.ts';
import { referenceArtifacts } from './generate/reference.ts';
import { tableArtifacts } from './generate/tables.ts';

const root = join(import.meta.dirname, '..');

/** What is generated: to add a file, return it from one of these, or add one. */
const generators: readonly (() => Artifact[])[] = [
  crdArtifacts,
  chartArtifacts,
  referenceArtifacts,
  compatibilityArtifacts,
  tableArtifacts,
];

/** Every generated file. */
export function artifacts(): Artifact[] {
  return generators.flatMap((generator) => generator());
}

function textOf(path: string): string | undefined {
  const file = join(root, path);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** Paths of the files that differ from what would be generated, and of definitions of kinds that are gone. */
export function staleFiles(): string[] {
  const wanted = artifacts();
  const changed = wanted.filter(({ path, content }) => textOf(path) !== content).map(({ path }) => path);
  return [...changed, ...leftovers(wanted)];
}

function leftovers(wanted: readonly Artifact[]): string[] {
  const paths = new Set(wanted.map(({ path }) => path));
  const folder = join(root, crdFolder);
  const present = existsSync(folder) ? readdirSync(folder).map((name) => `${crdFolder}/${name}`) : [];
  return present.filter((path) => !paths.has(path));
}

function write(): void {
  const wanted = artifacts();
  for (const path of leftovers(wanted)) rmSync(join(root, path));
  for (const { path, content } of wanted) {
    if (textOf(path) === content) continue;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
    process.stdout.write(`${path}\n`);
  }
}

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    const stale = staleFiles();
    if (stale.length > 0) process.stderr.write(`Out of date; run npm run generate:\n${stale.join('\n')}\n`);
    process.exitCode = stale.length > 0 ? 1 : 0;
  } else write();
}
