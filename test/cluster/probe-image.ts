// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { compileStatic, writeProgramImage } from '../../tools/images/archive.ts';

/** The image that the tests' pods run. */
export const probeImage = 'localhost/kaap/probe:1';

/** Builds the probe's image in a folder and returns its archive. */
export function buildProbeImage(folder: string): string {
  const archive = join(folder, 'probe.tar');
  const program = join(folder, 'probe');
  compileStatic(join(import.meta.dirname, 'probe.c'), program);
  writeProgramImage({ name: probeImage, program, entrypoint: '/probe', user: '65532' }, archive);
  return archive;
}
