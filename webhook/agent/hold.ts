import { accessSync, constants } from 'node:fs';
import { aborted } from '../../src/lib/signals.ts';
import { execProgram } from '../layout.ts';

/**
 * Waits until the pod ends. Where the static program is at hand, this process becomes it: 50 MiB of runtime become
 * 0.1 MiB, and nothing of what was fetched stays in memory. Resolves when the signal fires, or never.
 */
export async function holdUntil(signal: AbortSignal, program: string = execProgram): Promise<void> {
  if (!signal.aborted && isExecutable(program)) process.execve?.(program, ['kaap-exec', 'hold'], {});
  await aborted(signal);
}

/** A failed execve ends the process, so it is only tried on what can run. */
function isExecutable(program: string): boolean {
  try {
    accessSync(program, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
