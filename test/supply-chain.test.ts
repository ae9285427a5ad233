import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

interface Manifest {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
  allowScripts: Record<string, boolean>;
}

interface LockedPackage {
  version?: string;
  resolved?: string;
  integrity?: string;
  hasInstallScript?: boolean;
  link?: boolean;
}

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const manifest = JSON.parse(read('package.json')) as Manifest;
const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, LockedPackage> };
const locked = Object.entries(packages).filter(([path]) => path !== '');

/** `node_modules/a/node_modules/@b/c` → `@b/c`. */
const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

describe('The supply chain', () => {
  it('I4: takes every direct dependency at one exact version', () => {
    const { dependencies, devDependencies, optionalDependencies } = manifest;
    const ranges = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
    );
    expect(ranges).toEqual([]);
  });

  it('I4: knows the hash of every package', () => {
    const unknown = locked.filter(
      ([, { integrity, link }]) => link !== true && integrity?.startsWith('sha512-') !== true,
    );
    expect(unknown.map(([path]) => path)).toEqual([]);
    expect(locked.length).toBeGreaterThan(50);
  });

  it('I4: lets only those packages run a script at install that were looked at', () => {
    const running = locked
      .filter(([, { hasInstallScript }]) => hasInstallScript === true)
      .map(([path]) => nameOf(path));
    expect(running.filter((name) => manifest.allowScripts[name] !== true)).toEqual([]);
  });

  it('names no registry in the lock file, so that everybody installs from their own', () => {
    expect(locked.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  });

  it('I4: builds images in which no instruction runs a program or fetches anything', () => {
    const instructions = read('Dockerfile')
      .split('\n')
      .map((line) => line.trim().split(/\s+/)[0] ?? '')
      .filter((word) => /^[A-Z]+$/.test(word));
    expect(instructions).toContain('COPY');
    expect(instructions.filter((word) => word === 'RUN' || word === 'ADD')).toEqual([]);
  });
});
