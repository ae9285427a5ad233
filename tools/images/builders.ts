// SPDX-License-Identifier: Apache-2.0
/** The two ways to build an image: buildah without any daemon, or the container engine of this machine. */
import { execFileSync, spawnSync } from 'node:child_process';
import { renameSync, rmSync, statSync } from 'node:fs';
import { cacheFolder } from '../cluster/cache-folder.ts';
import { containerEngine } from '../cluster/container-engine.ts';
import type { ContainerEngine } from '../cluster/container-engine.ts';
import { ensurePrograms } from '../cluster/debian.ts';
import { basePackages, ensureBaseArchive } from './base.ts';

/** Builds the targets of one Dockerfile on one base image. */
export interface ImageBuilder {
  /** Builds a target under the name `tag`. */
  build(dockerfile: string, target: string, context: string, tag: string): void;
  /** Writes the image `tag` as a docker-archive. */
  save(tag: string, archive: string): void;
  /** Drops what no image uses any more. */
  prune(): void;
}

const engineBase = 'localhost/kaap/base:dev';

/** The container engine that answers, or buildah. */
export function imageBuilder(): ImageBuilder {
  const engine = containerEngine();
  return engine ? new EngineBuilder(engine) : new BuildahBuilder();
}

/** buildah as root, its storage in the cache folder; `chroot` isolation works inside any container. */
class BuildahBuilder implements ImageBuilder {
  readonly #storage: readonly string[];
  readonly #base: string;

  constructor() {
    ensurePrograms(['buildah']);
    this.#storage = buildahStorage();
    const archive = ensureBaseArchive();
    this.#base = `localhost/kaap/base:${Math.floor(statSync(archive).mtimeMs)}`;
    this.#ensureBase(archive);
  }

  build(dockerfile: string, target: string, context: string, tag: string): void {
    const options = ['--quiet', '--layers', '--isolation=chroot', '--pull-never', `--build-arg=BASE=${this.#base}`];
    this.#buildah(['build', ...options, `--target=${target}`, `--tag=${tag}`, `--file=${dockerfile}`, context]);
  }

  save(tag: string, archive: string): void {
    rmSync(`${archive}.part`, { force: true });
    this.#buildah(['push', '--quiet', tag, `docker-archive:${archive}.part:${tag}`]);
    renameSync(`${archive}.part`, archive);
  }

  prune(): void {
    this.#buildah(['rmi', '--prune']);
  }

  #ensureBase(archive: string): void {
    if (this.#buildah(['images', '--quiet', `--filter=reference=${this.#base}`]) !== '') return;
    const container = this.#buildah(['from', 'scratch']);
    this.#buildah(['add', '--quiet', container, archive, '/']);
    this.#buildah(['commit', '--quiet', '--rm', container, this.#base]);
  }

  #buildah(args: readonly string[]): string {
    return run('buildah', [...this.#storage, ...args]);
  }
}

/** Layers as overlays where the kernel allows that; elsewhere as whole copies, which takes half as long again. */
function buildahStorage(): string[] {
  const overlay = storage('overlay');
  return spawnSync('buildah', [...overlay, 'info'], { stdio: 'ignore' }).status === 0 ? overlay : storage('vfs');
}

function storage(driver: string): string[] {
  return [
    `--root=${cacheFolder('images', driver)}`,
    `--runroot=${cacheFolder('images', `${driver}-run`)}`,
    `--storage-driver=${driver}`,
  ];
}

/** docker or podman. Not yet run by us: the machines this was written on have neither. */
class EngineBuilder implements ImageBuilder {
  readonly #engine: ContainerEngine;

  constructor(engine: ContainerEngine) {
    this.#engine = engine;
    const install = `apt-get update && apt-get install -y --no-install-recommends ${basePackages.join(' ')}`;
    const dockerfile = `FROM debian:12-slim\nRUN ${install} && rm -rf /var/lib/apt/lists/*\n`;
    run(engine, ['build', '--quiet', '--tag', engineBase, '-'], dockerfile);
  }

  build(dockerfile: string, target: string, context: string, tag: string): void {
    const options = [
      '--quiet',
      `--build-arg=BASE=${engineBase}`,
      `--target=${target}`,
      `--tag=${tag}`,
      `--file=${dockerfile}`,
    ];
    run(this.#engine, ['build', ...options, context]);
  }

  save(tag: string, archive: string): void {
    rmSync(archive, { force: true });
    run(this.#engine, ['save', '--output', archive, tag]);
  }

  prune(): void {
    // The engine's images are the user's to prune.
  }
}

function run(program: string, args: readonly string[], input = ''): string {
  return execFileSync(program, args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'inherit'] }).trim();
}
