// SPDX-License-Identifier: Apache-2.0
/** Bundles the agent into one file, dist/agent.js: it starts before every pod does, so its start-up time counts. */
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { build } from 'esbuild';

const checkout = resolve(import.meta.dirname, '..');
const outfile = resolve(checkout, 'dist/agent.js');

rmSync(outfile, { force: true });
const result = await build({
  entryPoints: [resolve(checkout, 'src/cmd/agent.ts')],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node26',
  minifySyntax: true,
  legalComments: 'eof',
  metafile: true,
  logLevel: 'warning',
  // CommonJS packages inside an ES module call require for the built-in modules.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
});
const bytes = Object.values(result.metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
process.stdout.write(`dist/agent.js ${(bytes / 1024).toFixed(0)} KiB\n`);
