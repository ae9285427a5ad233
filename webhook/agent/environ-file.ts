import type { SecretBytes } from '../../src/lib/secret-bytes.ts';
import { Refusal } from '../refusal.ts';
import { envNamePattern } from './agent-config.ts';

/** Longest `NAME=value` with its NUL, in bytes: Linux takes no longer string (MAX_ARG_STRLEN, execve(2)). */
export const maxEntryBytes: number = 128 * 1024;

/** Longest file, in bytes: half of what Linux takes for arguments and environment with the usual stack of 8 MiB. */
export const maxEnvironBytes: number = 1024 * 1024;

/**
 * The variables that the wrapper sets: `NAME=value` and a NUL each, as in `/proc/<pid>/environ`. Takes any bytes but NUL.
 * Throws a {@link Refusal} for what Linux cannot pass on. The result is the caller's to wipe.
 */
export function formatEnvironFile(variables: ReadonlyMap<string, SecretBytes>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of variables) {
    if (!envNamePattern.test(name)) throw new Refusal('A variable has a name that an environment cannot have.');
    if (value.reveal().includes(0)) refuse(name, 'holds a NUL, which no environment variable can');
    const entryBytes = name.length + value.length + 2;
    if (entryBytes > maxEntryBytes) refuse(name, `is longer than Linux takes (${maxEntryBytes} bytes with its name)`);
    parts.push(Buffer.from(`${name}=`), value.reveal(), Buffer.from([0]));
  }
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  if (size <= maxEnvironBytes) return Buffer.concat(parts);
  throw new Refusal(
    `The environment variables of a container are ${size} bytes together; the wrapper takes ${maxEnvironBytes}. ` +
      'Deliver the long ones as files (spec.files) instead.',
  );
}

function refuse(name: string, why: string): never {
  throw new Refusal(`The variable ${name} has a value that ${why}. Deliver it as a file (spec.files) instead.`);
}
