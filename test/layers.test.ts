import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Folder → layer. Imports point down; of siblings only those listed here are let through. */
const layers: Readonly<Record<string, number>> = {
  'src/lib': 0,
  'src/policy': 1,
  'src/crypto': 1,
  'src/api': 1,
  'src/ports': 1,
  'src/kms': 2,
  'src/ram': 2,
  'src/sts': 2,
  'src/storage': 3,
  'src/providers': 3,
  'src/kube': 3,
  'src/client': 3,
  'src/gateway': 4,
  'src/controllers': 4,
  'src/cli': 4,
  'src/metadata': 4,
  'src/xki': 4,
  'src/hsm': 4,
  webhook: 4,
  'src/cmd': 5,
};

/** The types of ports speak of principals and decisions; nothing else crosses between siblings. */
const siblings: Readonly<Record<string, readonly string[]>> = { 'src/ports': ['src/policy'] };

const root = resolve(import.meta.dirname, '..');

function forbiddenFor(folder: string): string[] {
  const layer = layers[folder] ?? 0;
  const allowed = new Set([folder, ...(siblings[folder] ?? [])]);
  return Object.entries(layers)
    .filter(([other, itsLayer]) => itsLayer >= layer && !allowed.has(other))
    .map(([other]) => other);
}

/** The override of the linter's configuration that a folder must have. */
function overrideFor(folder: string): object {
  const names = forbiddenFor(folder).map((other) => other.replace('src/', ''));
  const message = `${folder} is layer ${layers[folder]}: imports point down only, and siblings do not import each other`;
  const pattern = { regex: `^(\\.\\./)+(src/)?(${names.join('|')})/`, message };
  return { files: [`${folder}/**`], rules: { 'no-restricted-imports': ['error', { patterns: [pattern] }] } };
}

function sourcesOf(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file));
}

function folderOf(path: string): string | undefined {
  return Object.keys(layers).find((folder) => path.startsWith(`${folder}/`));
}

describe('Layers', () => {
  it('are known for every folder of the sources', () => {
    const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const unknown = folders.map(({ name }) => `src/${name}`).filter((folder) => layers[folder] === undefined);
    expect(unknown).toEqual([]);
  });

  it('are what the linter enforces, one override for each folder', () => {
    const config = JSON.parse(readFileSync(join(root, '.oxlintrc.json'), 'utf8')) as { overrides: object[] };
    const expected = Object.keys(layers)
      .filter((folder) => forbiddenFor(folder).length > 0)
      .map(overrideFor);
    expect(config.overrides).toEqual(expect.arrayContaining(expected));
  });

  it.each(Object.keys(layers))('let %s import from below only', (folder) => {
    const forbidden = new Set(forbiddenFor(folder));
    const crossing = sourcesOf(folder).flatMap((file) =>
      [...readFileSync(join(root, file), 'utf8').matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)]
        .map(([, target = '']) => relative(root, resolve(root, dirname(file), target)))
        .filter((target) => forbidden.has(folderOf(target) ?? ''))
        .map((target) => `${file} → ${target}`),
    );
    expect(crossing).toEqual([]);
  });
});
