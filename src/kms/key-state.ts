import { ApiError, type ErrorCode } from '../lib/errors.ts';
import { stateAt, type KeyRecord, type KeyState } from './records/key.ts';

/** What somebody wants of a key, as far as its state has a say. */
export type KeyOperation =
  | 'use'
  | 'enable'
  | 'disable'
  | 'scheduleDeletion'
  | 'cancelDeletion'
  | 'aliasTarget'
  | 'newVersion'
  | 'protect'
  | 'importMaterial';

type Row = Readonly<Record<KeyState, ErrorCode | 'ok'>>;

const unlessPendingDeletion: Row = {
  Enabled: 'ok',
  Disabled: 'ok',
  PendingDeletion: 'Rejected.PendingDeletion',
  PendingImport: 'ok',
  Unavailable: 'ok',
};
const onlyEnabled: Row = {
  Enabled: 'ok',
  Disabled: 'Rejected.Disabled',
  PendingDeletion: 'Rejected.PendingDeletion',
  PendingImport: 'Rejected.PendingImport',
  Unavailable: 'Rejected.Unavailable',
};
const switching: Row = {
  Enabled: 'ok',
  Disabled: 'ok',
  PendingDeletion: 'Rejected.StateModifiedFailed',
  PendingImport: 'Rejected.StateModifiedFailed',
  Unavailable: 'Rejected.StateModifiedFailed',
};
const onlyPendingDeletion: Row = {
  Enabled: 'Rejected.StateModifiedFailed',
  Disabled: 'Rejected.StateModifiedFailed',
  PendingDeletion: 'ok',
  PendingImport: 'Rejected.StateModifiedFailed',
  Unavailable: 'Rejected.StateModifiedFailed',
};

const unlessPendingDeletionModified: Row = {
  ...unlessPendingDeletion,
  PendingDeletion: 'Rejected.StateModifiedFailed',
};

/**
 * Operation × state → the error, or `ok`. What is not here (Describe…, List…, DeleteAlias, GetParametersForImport,
 * DeleteKeyMaterial) works in every state.
 */
export const keyStateTable: Readonly<Record<KeyOperation, Row>> = {
  use: onlyEnabled,
  enable: switching,
  disable: switching,
  scheduleDeletion: unlessPendingDeletion,
  cancelDeletion: onlyPendingDeletion,
  aliasTarget: unlessPendingDeletion,
  newVersion: onlyEnabled,
  protect: unlessPendingDeletion,
  importMaterial: unlessPendingDeletionModified,
};

/** What to do about a state that is in the way. */
const advice: Readonly<Record<KeyState, string>> = {
  Enabled: 'It is in use; only a key that is about to be deleted can be kept from deletion.',
  Disabled: 'Enable it with EnableKey.',
  PendingDeletion: 'Keep it with CancelKeyDeletion, or use another key.',
  PendingImport: 'Import its material with ImportKeyMaterial.',
  Unavailable: 'The device or proxy that holds it cannot be reached; see to that first.',
};

/** Throws the table's error when the key, in the state that it has at this time, does not take `operation`. */
export function assertKeyState(key: KeyRecord, now: number, operation: KeyOperation): void {
  const state = stateAt(key, now);
  const outcome = keyStateTable[operation][state];
  if (outcome === 'ok') return;
  throw new ApiError(outcome, `Key ${key.keyId} is in the state ${state}. ${advice[state]}`);
}
