import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { standardOutput } from '../cli/output.ts';
import { generateRecoveryKey, recoveryKeyId } from '../crypto/recovery-key.ts';
import { systemClock } from '../lib/clock.ts';
import { ConfigError, readSettingFile } from '../lib/config.ts';
import { silentLogger } from '../lib/log.ts';
import { openBackup, writeBackup } from '../storage/backup.ts';
import { openBarrier } from '../storage/barrier.ts';
import { unwrapRoot } from '../storage/barrier-root.ts';
import { endRestore, loadBackup, pendingTombstones, verifyBackup } from '../storage/restore.ts';
import type { Seal } from '../ports/seal.ts';
import { readTombstones } from '../storage/tombstone-journal.ts';
import { readKmsConfig } from './kms-config.ts';
import { openStoredState, type StateConfig, type StoredState } from './kms-state.ts';
import { withSeal } from './open-seal.ts';
import { applyTombstones, assertTombstones, tombstoneBuckets } from './tombstones.ts';

/** `kaap recovery-key|backup|restore`: run them where `kms` runs, with its environment variables. */
export function registerBackup(program: Command): void {
  program
    .command('recovery-key')
    .description('make the key that backups are encrypted for; keep its private half where kms is not')
    .requiredOption('--out <file>', 'file of the private half; the public half goes to <file>.pub')
    .action(({ out }: { out: string }) => makeRecoveryKey(out));
  program
    .command('backup')
    .description('write an encrypted backup, and read it again before it gets its name; kms may run meanwhile')
    .requiredOption('--to <file>', 'file of the backup')
    .requiredOption('--recipient <file>', 'public half of the recovery key')
    .action(({ to, recipient }: { to: string; recipient: string }) => backUp(configuration(), to, recipient));
  program
    .command('restore')
    .description('put a backup in place of the state; stop every kms first')
    .requiredOption('--from <file>', 'file of the backup')
    .requiredOption('--recovery-key <file>', 'private half of the recovery key')
    .option('--verify-only', 'open every value of the backup, and change nothing', false)
    .option('--replace', 'overwrite the state that is there; what was deleted in it stays deleted', false)
    .option('--tombstones <files...>', 'tombstone journals: what they name stays deleted', [])
    .option('--without-tombstones', 'accept that what was deleted since the backup comes back', false)
    .action(restore);
}

const configuration = (): StateConfig => readKmsConfig(process.env);

function makeRecoveryKey(path: string): void {
  const { privatePem, publicPem } = generateRecoveryKey();
  writeFileSync(path, privatePem, { mode: 0o600, flag: 'wx' });
  writeFileSync(`${path}.pub`, publicPem, { mode: 0o644, flag: 'wx' });
  standardOutput.line(
    `Made recovery key ${recoveryKeyId(createPublicKey(publicPem))}. Move ${path} away from this machine.`,
  );
}

/** Writes a backup of the configured state. */
export async function backUp(config: StateConfig, to: string, recipientFile: string): Promise<void> {
  const recipient = createPublicKey(readSettingFile('--recipient', recipientFile));
  const { store, rows } = await openStoredState(config, silentLogger);
  try {
    const root = await withSeal(config, (seal) => unwrapRoot(store, seal));
    const rootKey = root.export();
    const count = await writeBackup({ path: to, recipient, rootKey, rows: rows.read(), now: systemClock.now() });
    rootKey.fill(0);
    standardOutput.line(`${count} rows in ${to}, for recovery key ${recoveryKeyId(recipient)}.`);
  } finally {
    await store.close();
  }
}

interface RestoreOptions {
  from: string;
  recoveryKey: string;
  verifyOnly: boolean;
  replace: boolean;
  tombstones: string[];
  withoutTombstones: boolean;
}

async function restore(options: RestoreOptions): Promise<void> {
  const recoveryKey = createPrivateKey(readSettingFile('--recovery-key', options.recoveryKey));
  const report = await verifyBackup(await openBackup(options.from, recoveryKey));
  standardOutput.line(`${report.rows} rows, every value opens, last revision ${report.revision}.`);
  if (options.verifyOnly) return;
  await restoreInto(configuration(), { ...options, recoveryKey, revision: report.revision });
}

/** A restore whose backup was verified. */
export interface RestoreRequest extends Pick<RestoreOptions, 'from' | 'replace' | 'tombstones' | 'withoutTombstones'> {
  recoveryKey: KeyObject;
  revision: number;
}

/** Restores into the configured state. Whatever happens on the way, no `kms` opens what is half restored. */
export async function restoreInto(config: StateConfig, request: RestoreRequest): Promise<void> {
  const state = await openStoredState(config, silentLogger);
  const { store, rows } = state;
  try {
    const isEmpty = await rows.isEmpty();
    if (!isEmpty && !request.replace) {
      throw new ConfigError('There is state already. Add --replace to overwrite it; make a backup of it first.');
    }
    const present = await Promise.all(tombstoneBuckets.map((bucket) => rows.keys(bucket)));
    const journals = await Promise.all(request.tombstones.map(readJournal));
    if (isEmpty && journals.length === 0 && !request.withoutTombstones) {
      throw new ConfigError(
        'Nothing tells what was deleted since the backup. Give the tombstone journals of every replica with --tombstones, or --without-tombstones.',
      );
    }
    // An earlier restore that did not get to its end left the names that it was to bury.
    const tombstones = [...present.flat(), ...journals.flat(), ...(await pendingTombstones(store))];
    assertTombstones(tombstones);
    const applied = await withSeal(config, (seal) => putBack(state, seal, request, tombstones));
    await endRestore(store);
    standardOutput.line(`Restored. ${applied} tombstones applied. Start kms now.`);
  } finally {
    await store.close();
  }
}

/** Puts the backup in place, under this seal, and buries what is to be. Gives the number of tombstones. */
async function putBack(
  { store, rows }: StoredState,
  seal: Seal,
  { from, recoveryKey, revision }: RestoreRequest,
  tombstones: readonly string[],
): Promise<number> {
  const now = systemClock.now();
  await loadBackup(await openBackup(from, recoveryKey), rows, seal, { revision, now, tombstones });
  const barrier = await openBarrier(store, seal);
  // The count of uses is an old one: a new key begins a new count.
  await barrier.rotate();
  return applyTombstones(barrier, tombstones, now);
}

function readJournal(path: string): Promise<string[]> {
  if (!existsSync(path)) throw new ConfigError(`There is no tombstone journal ${path}.`);
  return readTombstones(path);
}
