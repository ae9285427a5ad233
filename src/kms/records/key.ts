import type { KeyUsage, ProviderKind } from '../../crypto/key-specs.ts';
import { ApiError } from '../../lib/errors.ts';
import type { KeyPlacement, KeyStorageMechanism } from '../../ports/key-provider.ts';
import { RecordTable } from './record-table.ts';

/** States of a key (KMS "Key states"). */
export type KeyState = 'Enabled' | 'Disabled' | 'PendingDeletion' | 'PendingImport' | 'Unavailable';

/** One version of a key, as the key's own record lists it. The material is in the key version's record. */
export interface KeyVersionEntry {
  id: string;
  /** Milliseconds since the Unix epoch. */
  createTime: number;
}

/** A planned deletion. Both must be over: the wall clock's date, and the time that the service itself counted. */
export interface PlannedDeletion {
  /** Milliseconds since the Unix epoch. */
  dueTime: number;
  /** Milliseconds still to count down while the service runs; see the purge of due deletions. */
  remainingMs: number;
}

/** What is known of the material of a key of origin EXTERNAL, also while it is gone: only the same may come back. */
export interface ImportedMaterial {
  /** Tells this material from any other: its HMAC-SHA256 over the key id, base64. */
  check: string;
  /** Whether the material is there. */
  present: boolean;
  /** When it stops being usable, in milliseconds since the Unix epoch; absent means never. */
  expireTime?: number;
}

/** A key: everything but its material. Bucket `kms/keys`, by key id. */
export interface KeyRecord {
  keyId: string;
  /** KMS instance id, or `shared`. */
  scope: string;
  provider: ProviderKind;
  keySpec: string;
  keyUsage: KeyUsage;
  origin: 'Aliyun_KMS' | 'EXTERNAL';
  protectionLevel: 'SOFTWARE' | 'HSM';
  /** Hardware instances only. */
  storage?: KeyStorageMechanism;
  /** Id of the key at its owner; External instances only. Several keys may name the same. */
  externalKeyId?: string;
  state: KeyState;
  description: string;
  /** Account id; or `service` for a key that the service made for itself. */
  creator: string;
  /** Milliseconds since the Unix epoch. */
  createTime: number;
  /** Oldest first; the last one is primary. Never empty, except for a key that waits for its first material. */
  versions: KeyVersionEntry[];
  imported?: ImportedMaterial;
  rotation?: { enabled: boolean; intervalSeconds: number };
  deletion?: PlannedDeletion;
  deletionProtection?: { description: string };
  /** Key policy as JSON text; absent means the default policy. */
  policy?: string;
  tags: Record<string, string>;
}

export const keyTable: RecordTable<KeyRecord> = new RecordTable('kms/keys');

/** Where material of the key is made. */
export function placementOf({ scope, storage, externalKeyId }: KeyRecord): KeyPlacement {
  return { scope, ...(storage !== undefined && { storage }), ...(externalKeyId !== undefined && { externalKeyId }) };
}

/** Whether there is material to work with at this time. Imported material is gone once it has expired. */
export function hasMaterial({ origin, imported }: KeyRecord, now: number): boolean {
  if (origin !== 'EXTERNAL') return true;
  return imported?.present === true && (imported.expireTime === undefined || now < imported.expireTime);
}

/**
 * The state of a key at a time in milliseconds since the Unix epoch. It is the recorded one, unless imported material has
 * expired since: whoever asks for the state learns that at once, no matter when the material is removed.
 */
export function stateAt(key: KeyRecord, now: number): KeyState {
  const { state } = key;
  return (state === 'Enabled' || state === 'Disabled') && !hasMaterial(key, now) ? 'PendingImport' : state;
}

/** The version that encrypts. */
export function primaryVersion(key: KeyRecord): KeyVersionEntry | undefined {
  return key.versions.at(-1);
}

/** A version that the caller names. Throws `Forbidden.KeyVersionNotFound` when the key has none of that id. */
export function namedVersion(key: KeyRecord, versionId: string): KeyVersionEntry {
  const version = key.versions.find(({ id }) => id === versionId);
  if (version !== undefined) return version;
  throw new ApiError(
    'Forbidden.KeyVersionNotFound',
    `Key ${key.keyId} has no such version. ListKeyVersions shows those that exist.`,
  );
}
