// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../cluster/cache-folder.ts';
import { ensurePrograms } from '../cluster/debian.ts';

const suite = 'bookworm';
const maxAgeDays = 14;

/** What the Node binary is linked to, and time zones. No shell and no package manager. */
export const basePackages: readonly string[] = [
  'base-files',
  'libatomic1',
  'libc6',
  'libgcc-s1',
  'libstdc++6',
  'tzdata',
];

/**
 * The file system of the base image as a tar: Debian's run-time libraries, unpacked without running anything. Made anew
 * when it is older than two weeks, so that Debian's security updates get in.
 */
export function ensureBaseArchive(): string {
  const archive = cacheFolder('images', `base-${suite}.tar`);
  if (existsSync(archive) && Date.now() - statSync(archive).mtimeMs < maxAgeDays * 86_400_000) return archive;
  ensurePrograms(['mmdebstrap']);
  mkdirSync(join(archive, '..'), { recursive: true });
  const excluded = ['/usr/share/doc/*', '/usr/share/man/*'].map((path) => `--dpkgopt=path-exclude=${path}`);
  const options = ['--quiet', '--variant=extract', `--include=${basePackages.join(',')}`, ...excluded];
  // The part file keeps the ending, by which mmdebstrap knows the format.
  const part = archive.replace(/\.tar$/, '.part.tar');
  execFileSync('mmdebstrap', [...options, suite, part], { stdio: ['ignore', 2, 2] });
  renameSync(part, archive);
  return archive;
}
