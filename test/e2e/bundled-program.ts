import { join } from 'node:path';
import { build } from 'esbuild';

/**
 * A program of this folder, with all that it imports, as one text for the standard input of a Node in a container:
 * `node --input-type=module - ARGUMENT…`. Images have no sources and no packages that it could import there.
 */
export async function bundledProgram(file: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, file)],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node26',
    // CommonJS packages inside an ES module call require for the built-in modules.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return outputFiles[0]?.text ?? '';
}
