import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { fileURLToPath } from 'node:url';

/** A place in a file as V8 writes it into a frame: URL, line, column. */
const placePattern = /(file:\/\/[^\s()]+):(\d+):(\d+)/g;

const maps = new Map<string, SourceMap | undefined>();

/** The source map beside a file; `undefined` for a file that has none, such as a source that runs unbuilt. */
function mapBeside(url: string): SourceMap | undefined {
  if (!maps.has(url)) maps.set(url, readMap(`${fileURLToPath(url)}.map`));
  return maps.get(url);
}

function readMap(path: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(path, 'utf8')) as SourceMapPayload);
  } catch {
    return undefined;
  }
}

/**
 * A stack trace, or lines of one, with places in the sources instead of those in bundled files. Maps are read when the first
 * trace asks for them: `--enable-source-maps` reads all of them at the start, which costs `kms` 16 MiB.
 */
export function withSourcePlaces(stack: string): string {
  return stack.replace(placePattern, (place, url: string, line: string, column: string) => {
    const origin = mapBeside(url)?.findOrigin(Number(line), Number(column));
    if (origin === undefined || !('fileName' in origin)) return place;
    return `${new URL(origin.fileName, url).href}:${origin.lineNumber}:${origin.columnNumber}`;
  });
}
