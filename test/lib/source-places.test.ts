import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withSourcePlaces } from '../../src/lib/source-places.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kaap-places-'));
  // The second line comes from the tenth of the source, and its fifth column on from the third there.
  const map = { version: 3, sources: ['../src/thing.ts'], names: [], mappings: ';AASA,IAAE' };
  writeFileSync(join(folder, 'bundle.js.map'), JSON.stringify(map));
  writeFileSync(join(folder, 'broken.js.map'), '{');
});
afterAll(() => rmSync(folder, { recursive: true }));

const at = (name: string): string => pathToFileURL(join(folder, name)).href;

describe('Places in a stack trace', () => {
  it('are those of the sources where a map lies beside the bundled file', () => {
    const source = new URL('../src/thing.ts', at('bundle.js')).href;
    const stack = `Error: x\n    at f (${at('bundle.js')}:2:1)\n    at async ${at('bundle.js')}:2:5`;
    expect(withSourcePlaces(stack)).toBe(`Error: x\n    at f (${source}:10:1)\n    at async ${source}:10:3`);
  });

  it.each(['source.ts', 'broken.js'])('stay as they are in %s, which has none that can be read', (name) => {
    const frame = `    at f (${at(name)}:2:1)`;
    expect(withSourcePlaces(frame)).toBe(frame);
  });

  it('stay as they are where nothing is mapped', () => {
    const frame = `    at f (${at('bundle.js')}:1:1)\n    at node:internal/x:3:4`;
    expect(withSourcePlaces(frame)).toBe(frame);
  });
});
