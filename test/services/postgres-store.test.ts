import { afterAll, beforeAll } from 'vitest';
import { openPostgresStore } from '../../src/storage/postgres-store.ts';
import type { SealableStore } from '../../src/storage/sealable-store.ts';
import { describeStore } from '../storage/store-contract.ts';
import { startPostgres, type PostgresServer } from './postgres-server.ts';

let server: PostgresServer;
let schemas = 0;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

describeStore('the PostgreSQL store', async () => {
  schemas += 1;
  const schema = `contract_${schemas}`;
  const connect = (): Promise<SealableStore> => openPostgresStore({ url: server.url, schema, poolSize: 3 });
  const stores = [await connect()];
  const [store] = stores;
  if (store === undefined) throw new Error('unreachable');
  return {
    store,
    connect: async () => {
      const other = await connect();
      stores.push(other);
      return other;
    },
    dispose: async () => {
      for (const each of stores) await each.close();
    },
  };
});
