import { openSqliteStore } from '../../src/storage/sqlite-store.ts';
import { bytes, text } from './store-values.ts';

/**
 * Adds one to a counter that others change as well, as many times as asked, and ends. Each time it reads a wide range
 * too, so that the check before the commit takes long enough for others to get in between if they could.
 */
const [, , path = '', times = '0'] = process.argv;
const store = openSqliteStore(path);
for (let done = 0; done < Number(times); done += 1) {
  await store.transact(async (transaction) => {
    await transaction.scan('wide');
    const before = Number(text(await transaction.get('counter', 'n')) ?? '0');
    await transaction.put('counter', 'n', bytes(String(before + 1)));
  });
}
await store.close();
