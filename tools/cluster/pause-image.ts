// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { compileStatic, writeProgramImage } from '../images/archive.ts';
import { pauseImage } from './node-configuration.ts';

/** Makes the sandbox image of every pod, a static program that waits, and returns the path of its archive. */
export function ensurePauseImage(folder: string): string {
  const archive = join(folder, 'pause.tar');
  if (existsSync(archive)) return archive;
  const program = join(folder, 'pause');
  compileStatic(join(import.meta.dirname, '../images/pause/pause.c'), program);
  writeProgramImage({ name: pauseImage, program, entrypoint: '/pause', user: '65535' }, archive);
  return archive;
}
