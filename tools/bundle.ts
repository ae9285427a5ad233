// SPDX-License-Identifier: Apache-2.0
/** What images run: programs joined from sources and packages into few files, for a start that reads no TypeScript. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';

/** The programs of the runtime image: what they are named in src/cmd and, with the ending .js, in the bundle. */
export const processNames: readonly string[] = [
  'kms',
  'operator',
  'webhook',
  'hsm',
  'hsm-worker',
  'hsm-token',
  'xki-proxy',
  'metadata',
  'kaap',
];

/** Packages that stay as npm installed them: a native add-on cannot be joined with anything. */
export const unbundledPackages: readonly string[] = ['pkcs11js'];

/** CommonJS packages inside an ES module call require for the built-in modules. */
const requireBanner =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";

/**
 * Bundles the programs of the runtime image into dist/processes; what several of them need is there once. Beside each
 * file is its source map, by which unexpected errors are told with their places in the sources.
 */
export function bundleProcesses(checkout: string): string {
  const outdir = join(checkout, 'dist/processes');
  rmSync(outdir, { recursive: true, force: true });
  buildSync({
    bundle: true,
    platform: 'node',
    target: 'node26',
    minifySyntax: true,
    legalComments: 'eof',
    logLevel: 'warning',
    format: 'esm',
    banner: { js: requireBanner },
    absWorkingDir: checkout,
    entryPoints: processNames.map((name) => `src/cmd/${name}.ts`),
    outdir,
    outbase: 'src/cmd',
    splitting: true,
    chunkNames: 'shared-[hash]',
    external: [...unbundledPackages],
    sourcemap: 'external',
    sourcesContent: false,
  });
  return outdir;
}
