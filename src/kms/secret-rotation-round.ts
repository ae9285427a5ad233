import { uuidV4 } from '../crypto/uuid.ts';
import { ApiError, messageOf } from '../lib/errors.ts';
import { resourceArn } from './arn.ts';
import type { KmsDependencies } from './dependencies.ts';
import { secretTable } from './records/secret.ts';
import { isDue } from './secret-rotation.ts';
import { rotateSecret } from './secret-rotator.ts';

/** What one round did. Names only. */
export interface RotationResult {
  readonly rotated: readonly string[];
  readonly failed: readonly { readonly secret: string; readonly error: string }[];
}

/** Most secrets of a round, and the time after which it starts no other: a slow hook does not keep other upkeep waiting. */
const maxSecrets = 50;
const maxRoundMs = 60_000;

/** Rotates the secrets that are due, one after the other. One process does it for all. */
export async function rotateDueSecrets(dependencies: KmsDependencies, signal: AbortSignal): Promise<RotationResult> {
  const { store, clock, random, ownChanges } = dependencies;
  const due = (await secretTable.all(store)).filter(({ record }) => isDue(record, clock.now())).slice(0, maxSecrets);
  const end = clock.monotonic() + maxRoundMs;
  const rotated: string[] = [];
  const failed: { secret: string; error: string }[] = [];
  for (const { key: secret, record } of due) {
    if (signal.aborted || clock.monotonic() >= end) break;
    try {
      await rotateSecret(dependencies, { name: secret, secret: record }, uuidV4(random), signal);
      rotated.push(secret);
      ownChanges.note('RotateSecret', [resourceArn(dependencies, 'secret', secret)]);
    } catch (error) {
      failed.push({ secret, error: messageOf(error) });
      const code = error instanceof ApiError ? error.code : 'InternalFailure';
      ownChanges.note('RotateSecret', [resourceArn(dependencies, 'secret', secret)], code);
    }
  }
  return { rotated, failed };
}
