// SPDX-License-Identifier: Apache-2.0
/** The two ways to build an image: buildah without any daemon, or the container engine of this machine. */
import { execFileSync, spawnSync } from 'node:child_process';
import { renameSync, rmSync, statSync } from 'node:fs';
import { cacheFolder } from '../cluster/cache-folder.ts';
import { containerEngine } from '../cluster/container-engine.ts';
import type { ContainerEngine } from '../cluster/container-engine.ts';
import { ensurePrograms } from '../cluster/debian.ts';
import { ensureBaseArchive, packagesOf, type BaseName } from './base.ts';

/** What to build of a Dockerfile. */
export interface ImageRecipe {
  readonly dockerfile: string;
  readonly target: string;
  readonly base: BaseName;
  /** Folder of the build context. */
  readonly context: string;
  /** Name of the image. */
  readonly tag: string;
}

/** Builds the targets of a Dockerfile on base images. */
export interface ImageBuilder {
  build(recipe: ImageRecipe): void;
  /** Writes the image `tag` as a docker-archive. */
  save(tag: string, archive: string): void;
  /** Drops what no image uses any more. */
  prune(): void;
}

/** The container engine that answers, or buildah. */
export function imageBuilder(): ImageBuilder {
  const engine = containerEngine();
  return engine ? new EngineBuilder(engine) : new BuildahBuilder();
}

/** buildah as root, its storage in the cache folder; `chroot` isolation works inside any container. */
class BuildahBuilder implements ImageBuilder {
  readonly #storage: readonly string[];

  constructor() {
    ensurePrograms(['buildah']);
    this.#storage = buildahStorage();
  }

  build({ dockerfile, target, base, context, tag }: ImageRecipe): void {
    const options = ['--quiet', '--layers', '--isolation=chroot', '--pull-never'];
    options.push(`--build-arg=BASE=${this.#ensureBase(base)}`);
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

  /** Name of the base image, which is made unless it is there. */
  #ensureBase(base: BaseName): string {
    const archive = ensureBaseArchive(base);
    const name = `${baseName(base)}:${Math.floor(statSync(archive).mtimeMs)}`;
    if (this.#buildah(['images', '--quiet', `--filter=reference=${name}`]) !== '') return name;
    const container = this.#buildah(['from', 'scratch']);
    this.#buildah(['add', '--quiet', container, archive, '/']);
    this.#buildah(['commit', '--quiet', '--rm', container, name]);
    return name;
  }

  #buildah(args: readonly string[]): string {
    return run('buildah', [...this.#storage, ...args]);
  }
}

function baseName(base: BaseName): string {
  return `localhost/kaap/base${base === 'plain' ? '' : `-${base}`}`;
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
  readonly #bases = new Set<BaseName>();

  constructor(engine: ContainerEngine) {
    this.#engine = engine;
  }

  build({ dockerfile, target, base, context, tag }: ImageRecipe): void {
    const options = ['--quiet', `--build-arg=BASE=${this.#ensureBase(base)}`, `--target=${target}`, `--tag=${tag}`];
    run(this.#engine, ['build', ...options, `--file=${dockerfile}`, context]);
  }

  #ensureBase(base: BaseName): string {
    const name = `${baseName(base)}:dev`;
    if (this.#bases.has(base)) return name;
    const install = `apt-get update && apt-get install -y --no-install-recommends ${packagesOf(base).join(' ')}`;
    const dockerfile = `FROM debian:12-slim\nRUN ${install} && rm -rf /var/lib/apt/lists/*\n`;
    run(this.#engine, ['build', '--quiet', '--tag', name, '-'], dockerfile);
    this.#bases.add(base);
    return name;
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
