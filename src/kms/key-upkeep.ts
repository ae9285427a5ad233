import type { KmsDependencies } from './dependencies.ts';
import { sweepImportTokens } from './import-tokens.ts';
import { sweepExpiredMaterial } from './key-material.ts';
import { rotateDueKeys } from './key-rotation.ts';

/** What one round did, by ids of keys. */
export interface KeyUpkeepResult {
  readonly rotated: readonly string[];
  /** Keys whose imported material has ended and is destroyed. */
  readonly expired: readonly string[];
}

/** What keys need from time to time. Harmless when done twice, or by two processes at the same time. */
export async function keepKeys(
  dependencies: KmsDependencies,
  onError: (keyId: string, error: unknown) => void,
): Promise<KeyUpkeepResult> {
  const expired = await sweepExpiredMaterial(dependencies);
  await sweepImportTokens(dependencies);
  return { rotated: await rotateDueKeys(dependencies, onError), expired };
}
