import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Store, Transaction } from '../../src/ports/store.ts';
import type { StoreUnderTest } from './store-contract.ts';
import { bytes, put } from './store-values.ts';

interface Note {
  text: string;
  list: number[];
}

const decodeNote = (value: Uint8Array): Note => JSON.parse(Buffer.from(value).toString('utf8')) as Note;
const note = (text: string): string => JSON.stringify({ text, list: [1] });

const view = async (store: Store, key: string): Promise<string | undefined> =>
  (await store.view('notes', key, decodeNote))?.text;

const change = (store: Store, work: (transaction: Transaction) => Promise<void>): Promise<void> => store.transact(work);

/** What may happen to one of a few keys, on one of the replicas. */
interface Step {
  replica: number;
  key: string;
  kind: 'put' | 'delete' | 'view';
  /** Whether what was begun before ends first. */
  settle: boolean;
}

const steps = fc.array(
  fc.record<Step>({
    replica: fc.nat(1),
    key: fc.constantFrom('a', 'b'),
    kind: fc.constantFrom('put', 'delete', 'view', 'view', 'view'),
    settle: fc.boolean(),
  }),
  { minLength: 5, maxLength: 40 },
);

/** The values that one key has had, `undefined` where it was deleted, and how far its writers have been told so. */
interface History {
  values: (string | undefined)[];
  acknowledged: number;
  last: Promise<void>;
}

/** Runs steps on replicas; every view must show what was acknowledged before it began, or something later. */
class Interleaving {
  readonly #replicas: readonly Store[];
  readonly #histories = new Map<string, History>();
  readonly #underWay: Promise<void>[] = [];
  readonly stale: string[] = [];

  constructor(replicas: readonly Store[]) {
    this.#replicas = replicas;
  }

  async run(all: readonly Step[], prefix: string): Promise<void> {
    for (const step of all) {
      if (step.settle) await this.#settle();
      const store = this.#replicas[step.replica % this.#replicas.length] as Store;
      const key = prefix + step.key;
      this.#underWay.push(step.kind === 'view' ? this.#look(store, key) : this.#write(store, key, step.kind));
      // Sometimes within one turn, sometimes not.
      if (step.replica === 1) await new Promise((resolve) => setImmediate(resolve));
    }
    await this.#settle();
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#underWay.splice(0));
  }

  #historyOf(key: string): History {
    const known = this.#histories.get(key);
    if (known !== undefined) return known;
    const history: History = { values: [undefined], acknowledged: 0, last: Promise.resolve() };
    this.#histories.set(key, history);
    return history;
  }

  /** Writes of one key follow one another, so that their order is known. */
  #write(store: Store, key: string, kind: 'put' | 'delete'): Promise<void> {
    const history = this.#historyOf(key);
    history.last = history.last.then(async () => {
      const index = history.values.length;
      const value = kind === 'put' ? String(index) : undefined;
      history.values.push(value);
      await change(store, (transaction) =>
        value === undefined ? transaction.delete('notes', key) : transaction.put('notes', key, bytes(note(value))),
      );
      history.acknowledged = index;
    });
    return history.last;
  }

  async #look(store: Store, key: string): Promise<void> {
    const history = this.#historyOf(key);
    const { acknowledged } = history;
    const seen = await view(store, key);
    if (!history.values.slice(acknowledged).includes(seen)) {
      this.stale.push(`${key}: saw ${String(seen)} after ${String(history.values[acknowledged])} was acknowledged`);
    }
  }
}

/** What a view shows, and what it never shows. `make` gives the store of the test that runs. */
export function describeViews(name: string, under: () => StoreUnderTest): void {
  describe(`${name}: views`, () => {
    it('show the record of a value, and nothing where there is none', async () => {
      const { store } = under();
      expect(await view(store, 'key')).toBeUndefined();
      await put(store, 'notes', 'key', note('one'));
      expect(await view(store, 'key')).toBe('one');
      await put(store, 'notes', 'key', note('two'));
      expect(await view(store, 'key')).toBe('two');
      await change(store, (transaction) => transaction.delete('notes', 'key'));
      expect(await view(store, 'key')).toBeUndefined();
    });

    it('are unchangeable, to the last part, since others share them', async () => {
      const { store } = under();
      await put(store, 'notes', 'key', note('one'));
      const seen = await store.view('notes', 'key', decodeNote);
      expect(() => (seen as Note).list.push(2)).toThrow(TypeError);
      expect(() => Object.assign(seen as Note, { text: 'x' })).toThrow(TypeError);
    });

    it('are made anew for another function', async () => {
      const { store } = under();
      await put(store, 'notes', 'key', note('one'));
      const upper = (value: Uint8Array): Note => ({ ...decodeNote(value), text: 'ONE' });
      expect(await view(store, 'key')).toBe('one');
      expect((await store.view('notes', 'key', upper))?.text).toBe('ONE');
      expect(await view(store, 'key')).toBe('one');
    });

    it('refuse names that no store can hold', async () => {
      const { store } = under();
      await expect(store.view('notes', 'a\0b', decodeNote)).rejects.toThrow(TypeError);
    });

    it('E1: never show what an acknowledged write has replaced, on whatever replica, in whatever order', async () => {
      const { store, connect } = under();
      const replicas = [store, (await connect?.()) ?? store];
      let run = 0;
      await fc.assert(
        fc.asyncProperty(steps, async (all) => {
          run += 1;
          const interleaving = new Interleaving(replicas);
          await interleaving.run(all, `${run}-`);
          expect(interleaving.stale).toEqual([]);
        }),
        { numRuns: 25 },
      );
    });
  });
}
