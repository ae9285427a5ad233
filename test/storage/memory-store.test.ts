import { MemoryStore } from '../../src/storage/memory-store.ts';
import { describeStore } from './store-contract.ts';

describeStore('the memory store', () => {
  const store = new MemoryStore();
  return Promise.resolve({ store, dispose: () => store.close() });
});
