import { isUtf8 } from 'node:buffer';
import type { SecretBytes } from '../../src/lib/secret-bytes.ts';
import { Refusal } from '../refusal.ts';
import { envNamePattern } from './agent-config.ts';

/** Longest value, in bytes (KEP-3721, "Size Limit"). */
export const maxValueBytes: number = 32 * 1024;

/** Longest file, in bytes (KEP-3721, "Size Limit"; also the longest line that the kubelet's scanner takes). */
export const maxFileBytes: number = 64 * 1024;

/** What a value must not be, because the kubelet would refuse or change it. The reason ends "… has a value that ". */
const refusals: readonly [holds: (value: Buffer) => boolean, reason: string][] = [
  [(value) => value.includes(0), 'holds a NUL, which no environment variable can'],
  [(value) => value.length === 0, 'is empty, which the kubelet takes for a missing variable'],
  [(value) => value.length > maxValueBytes, `is longer than ${maxValueBytes} bytes`],
  [(value) => value.includes("'"), 'holds a single quote, which an env file of the kubelet cannot express'],
  [(value) => value.includes('\r\n'), 'holds a line end of Windows (CR LF), of which the kubelet would drop the CR'],
  [(value) => !isUtf8(value), 'is not UTF-8 text'],
];

/**
 * The env file that the kubelet reads when it makes a container (KEP-3721, "Env File"): `NAME='value'`, each value in
 * single quotes, taken literally, over several lines where it has them. Throws a {@link Refusal} for a value that would
 * not arrive as it is. The result is the caller's to wipe.
 */
export function formatEnvFile(variables: ReadonlyMap<string, SecretBytes>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of variables) {
    if (!envNamePattern.test(name)) throw new Refusal('A variable has a name that an env file cannot express.');
    const refused = refusals.find(([holds]) => holds(value.reveal()));
    if (refused !== undefined) {
      const wayOut = value.reveal().includes(0) ? 'instead' : 'or set spec.envMethod of the SecretBinding to Exec';
      throw new Refusal(
        `The variable ${name} has a value that ${refused[1]}. Deliver it as a file (spec.files), ${wayOut}.`,
      );
    }
    parts.push(Buffer.from(`${name}='`), value.reveal(), Buffer.from("'\n"));
  }
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  if (size <= maxFileBytes) return Buffer.concat(parts);
  throw new Refusal(
    `The environment variables of this pod are ${size} bytes together; the kubelet takes ${maxFileBytes}. ` +
      'Deliver the long ones as files (spec.files), or set spec.envMethod of their SecretBinding to Exec.',
  );
}
