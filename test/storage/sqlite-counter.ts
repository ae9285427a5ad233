import { openSqliteStore } from '../../src/storage/sqlite-store.ts';
import { StoreConflictError } from '../../src/ports/store.ts';
import { bytes, text } from './store-values.ts';

/**
 * Adds one to a counter that others change as well, as many times as asked, and ends. Each time it reads a wide range
 * too, so that the check before the commit takes long enough for others to get in between if they could. When others got in
 * between ten times in a row, it does what the error says: it tries again.
 */
const [, , path = '', times = '0'] = process.argv;
const store = openSqliteStore(path);
for (let done = 0; done < Number(times);) {
  try {
    await store.transact(async (transaction) => {
      await transaction.scan('wide');
      const before = Number(text(await transaction.get('counter', 'n')) ?? '0');
      await transaction.put('counter', 'n', bytes(String(before + 1)));
    });
    done += 1;
  } catch (error) {
    if (!(error instanceof StoreConflictError)) throw error;
  }
}
await store.close();
