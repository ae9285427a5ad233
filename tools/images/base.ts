// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../cluster/cache-folder.ts';
import { ensurePrograms } from '../cluster/debian.ts';

const suite = 'bookworm';
const maxAgeDays = 14;

/** What the Node binary is linked to, and time zones. No shell and no package manager. */
const basePackages: readonly string[] = ['base-files', 'libatomic1', 'libc6', 'libgcc-s1', 'libstdc++6', 'tzdata'];

/** The base of an image, by what it has besides {@link basePackages}. */
export type BaseName = 'plain' | 'softhsm2';

const furtherPackages: Readonly<Record<BaseName, readonly string[]>> = { plain: [], softhsm2: ['libsofthsm2'] };

/** Every package that is in a base. */
export function packagesOf(base: BaseName): readonly string[] {
  return [...basePackages, ...furtherPackages[base]];
}

/**
 * The file system of a base image as a tar: Debian's run-time libraries, unpacked without running anything. Made anew
 * when it is older than two weeks, so that Debian's security updates get in.
 */
export function ensureBaseArchive(base: BaseName): string {
  const archive = cacheFolder('images', `base-${suite}${base === 'plain' ? '' : `-${base}`}.tar`);
  if (existsSync(archive) && Date.now() - statSync(archive).mtimeMs < maxAgeDays * 86_400_000) return archive;
  ensurePrograms(['mmdebstrap']);
  mkdirSync(join(archive, '..'), { recursive: true });
  const excluded = ['/usr/share/doc/*', '/usr/share/man/*'].map((path) => `--dpkgopt=path-exclude=${path}`);
  const options = ['--quiet', '--variant=extract', `--include=${packagesOf(base).join(',')}`, ...excluded];
  // The part file keeps the ending, by which mmdebstrap knows the format.
  const part = archive.replace(/\.tar$/, '.part.tar');
  execFileSync('mmdebstrap', [...options, suite, part], { stdio: ['ignore', 2, 2] });
  renameSync(part, archive);
  return archive;
}
