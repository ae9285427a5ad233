// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An image that is one static program and nothing else: no shell, no libc, no base. */
export interface ProgramImage {
  /** Repository and tag. */
  readonly name: string;
  /** Path of the program on this machine. */
  readonly program: string;
  /** Path of the program in the image, which is also its entry point. */
  readonly entrypoint: string;
  /** Numeric user. */
  readonly user: string;
}

/** Writes an image as a docker-archive tar without any container tool. */
export function writeProgramImage(image: ProgramImage, path: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'kaap-image-'));
  try {
    const root = join(folder, 'root');
    mkdirSync(root);
    copyFileSync(image.program, join(root, image.entrypoint));
    const layer = join(folder, 'layer.tar');
    tar(layer, root, ['.']);
    const config = JSON.stringify({
      architecture: { x64: 'amd64', arm64: 'arm64' }[process.arch as string] ?? process.arch,
      os: 'linux',
      config: { Entrypoint: [image.entrypoint], User: image.user, WorkingDir: '/' },
      rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(readFileSync(layer))}`] },
      history: [{ created_by: 'tools/images/archive.ts' }],
    });
    const configName = `${sha256(config)}.json`;
    writeFileSync(join(folder, configName), config);
    const manifest = [{ Config: configName, RepoTags: [image.name], Layers: ['layer.tar'] }];
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
    tar(`${path}.part`, folder, ['manifest.json', configName, 'layer.tar']);
    renameSync(`${path}.part`, path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Compiles one C file into a static program. */
export function compileStatic(source: string, output: string): void {
  execFileSync('musl-gcc', ['-static', '-Os', '-s', '-Wall', '-Wextra', '-Werror', '-o', output, source], {
    stdio: 'inherit',
  });
}

function tar(archive: string, folder: string, names: readonly string[]): void {
  const reproducible = ['--numeric-owner', '--owner=0', '--group=0', '--mtime=@0', '--sort=name'];
  execFileSync('tar', [...reproducible, '-cf', archive, '-C', folder, ...names]);
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
