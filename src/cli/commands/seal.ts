import type { Command } from 'commander';
import { systemClock } from '../../lib/clock.ts';
import { openBarrier } from '../../storage/barrier.ts';
import { liftSealOrder, orderSeal, readSealOrder } from '../../storage/seal-order.ts';
import type { Seal } from '../../ports/seal.ts';
import type { SealableStore } from '../../storage/sealable-store.ts';
import { withClient } from '../connection.ts';
import { standardOutput } from '../output.ts';

/** How commands reach the state of a `kms` on this machine, from its own environment variables. */
export interface StateAccess {
  /** The store, with what it holds sealed. Close it. */
  openStore(): Promise<SealableStore>;
  /** The seal that the store is sealed with. */
  openSeal(): Promise<Seal>;
  /** Another one, `file:PATH`, `hsm:INSTANCE` or `xki:INSTANCE/KEY`, and how it is written in the configuration. */
  openOtherSeal(text: string, createIfMissing: boolean): Promise<{ name: string; seal: Seal }>;
}

/** `kaap seal|unseal|seal-status|reseal|rotate-root|rotate-storage-key`. */
export function registerSeal(program: Command, state: StateAccess): void {
  program
    .command('seal')
    .description('seal every replica: nothing can be read until "kaap unseal"')
    .option('--local', 'write the order into the store itself, without asking the API', false)
    .action(async ({ local }: { local: boolean }) => {
      if (local) await withStore(state, (store) => orderSeal(store, systemClock.now()));
      else await callService('SealService');
      standardOutput.line('Every replica seals itself now and answers 503.');
    });
  program
    .command('unseal')
    .description('let every replica ask its seal for the root key; run it where kms runs')
    .action(() => withStore(state, unseal));
  program
    .command('seal-status')
    .description('tell whether an order to stay sealed stands; run it where kms runs')
    .action(() => withStore(state, printStatus));
  program
    .command('reseal')
    .description('wrap the root key with another seal; then configure that one and restart kms')
    .requiredOption('--to <seal>', 'file:PATH, hsm:INSTANCE or xki:INSTANCE/KEY; a path alone is a file')
    .option('--create', 'make the file of the seal key when it is missing', false)
    .action(({ to, create }: { to: string; create: boolean }) =>
      withStore(state, (store) => reseal(store, state, to, create)),
    );
  program
    .command('rotate-root')
    .description('make a new root key over the keys of the store; nothing stops meanwhile')
    .action(async () => {
      await callService('RotateRootKey');
      standardOutput.line('The root key is a new one. Make a backup: older ones keep the older key.');
    });
  program
    .command('rotate-storage-key')
    .description('seal what is written from now on with a new data-encryption key')
    .action(async () => {
      const { StorageKeyNumber } = await callService('RotateStorageKey');
      standardOutput.line(`Later writes are sealed with key ${String(StorageKeyNumber)}.`);
    });
}

async function withStore(state: StateAccess, work: (store: SealableStore) => Promise<void>): Promise<void> {
  const store = await state.openStore();
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

function callService(action: string): Promise<Record<string, unknown>> {
  return withClient((client) => client.call('Kms', action, {}));
}

async function unseal(store: SealableStore): Promise<void> {
  const stood = await liftSealOrder(store);
  standardOutput.line(stood ? 'Every replica unseals itself now.' : 'No order to stay sealed stood.');
}

async function printStatus(store: SealableStore): Promise<void> {
  const order = await readSealOrder(store);
  standardOutput.line(order === undefined ? 'unsealed' : `sealed since ${new Date(order.since).toISOString()}`);
}

async function reseal(store: SealableStore, state: StateAccess, to: string, createIfMissing: boolean): Promise<void> {
  const present = await state.openSeal();
  let other: Seal | undefined;
  try {
    const barrier = await openBarrier(store, present);
    const { name, seal } = await state.openOtherSeal(to, createIfMissing);
    other = seal;
    await barrier.reseal(seal);
    standardOutput.line(`The root key is wrapped by ${name}. Set KAAP_SEAL to that and restart every replica.`);
  } finally {
    await other?.close?.();
    await present.close?.();
  }
}
