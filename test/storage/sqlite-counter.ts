import { openSqliteStore } from '../../src/storage/sqlite-store.ts';
import { increment } from './store-values.ts';

/** Adds one to a counter that others change as well, as many times as asked, and ends. */
const [, , path = '', times = '0'] = process.argv;
const store = openSqliteStore(path);
for (let done = 0; done < Number(times); done += 1) await increment(store, 'n');
await store.close();
