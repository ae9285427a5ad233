import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openBarrier, type Barrier } from '../../src/storage/barrier.ts';
import { TamperedValueError } from '../../src/storage/barrier-value.ts';
import { openFileSeal } from '../../src/storage/file-seal.ts';
import { openSqliteStore } from '../../src/storage/sqlite-store.ts';
import { put } from './store-values.ts';
import { temporaryDirectory } from './temporary-directory.ts';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let path: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
  path = join(directory.path, 'kaap.db');
});
afterEach(() => directory.remove());

async function openStore(): Promise<Barrier> {
  const seal = await openFileSeal(join(directory.path, 'seal.key'), { createIfMissing: true });
  return openBarrier(openSqliteStore(path), seal, { createIfMissing: true });
}

interface StoredRow {
  bucket: string;
  key: string;
  value: Uint8Array;
}

function storedRows(): StoredRow[] {
  const database = new DatabaseSync(path);
  const rows = database.prepare('SELECT bucket, key, value FROM entries').all() as unknown as StoredRow[];
  database.close();
  return rows;
}

/** What opening the store and reading the value says; undefined when nothing was noticed. */
async function noticed({ bucket, key }: StoredRow): Promise<unknown> {
  let barrier: Barrier;
  try {
    barrier = await openStore();
  } catch (error) {
    return error;
  }
  try {
    await barrier.get(bucket, key);
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await barrier.close();
  }
}

describe('the file of a sealed SQLite store', () => {
  it('E9: does not give out a value of which one bit was flipped in the file, and names what was', async () => {
    const barrier = await openStore();
    for (let index = 0; index < 20; index += 1) await put(barrier, 'secrets', `s${index}`, `content of ${index}`);
    await barrier.close();
    const sound = await readFile(path);
    const rows = storedRows();
    expect(rows.length).toBeGreaterThan(20);
    const property = fc.asyncProperty(fc.nat(rows.length - 1), fc.nat(), fc.nat(7), async (at, position, bit) => {
      const row = rows[at];
      if (row === undefined) throw new Error('there is no such row');
      const damaged = Buffer.from(sound);
      const byte = sound.indexOf(row.value) + (position % row.value.length);
      damaged.writeUInt8(damaged.readUInt8(byte) ^ (1 << bit), byte);
      await writeFile(path, damaged);
      const error = await noticed(row);
      expect(String(error)).not.toContain('content of');
      if (row.bucket === 'secrets') {
        expect(error).toBeInstanceOf(TamperedValueError);
        expect(String(error)).toContain(`key "${row.key}" of bucket "secrets"`);
      } else {
        expect(String(error)).toMatch(/root key|keyring|seal/);
      }
    });
    const last = rows.length - 1;
    await fc.assert(property, {
      numRuns: 150,
      examples: [0, 1, last].flatMap((at) => [0, 1, 60].map((position): [number, number, number] => [at, position, 0])),
    });
  });
});
