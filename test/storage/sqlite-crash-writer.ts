import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { openSqliteStore } from '../../src/storage/sqlite-store.ts';

/** Writes pairs of values without end, eight at a time, and prints the name of each pair that was acknowledged. */
const store = openSqliteStore(process.argv[2] ?? '');

async function write(): Promise<never> {
  for (;;) {
    const name = randomUUID();
    await store.transact(async (transaction) => {
      await transaction.put('crash', `${name}-left`, Buffer.alloc(500));
      await transaction.put('crash', `${name}-right`, Buffer.alloc(500));
    });
    writeSync(1, `${name}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, write));
