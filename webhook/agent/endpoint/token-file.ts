import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writeInPlace } from '../write.ts';

/** For the group that files are open to, as files of secrets are. */
const tokenMode = 0o440;
const tokenBytes = 32;
const tokenPattern = /^[A-Za-z0-9_-]{43}$/;

/**
 * The token in a file, which is made where it is not there yet. An agent that starts again finds that of the one before:
 * containers that run on have the file mounted by itself, and would not see another.
 */
export async function tokenIn(path: string): Promise<string> {
  const present = await readFile(path, 'utf8').catch(() => '');
  if (tokenPattern.test(present)) return present;
  const token = randomBytes(tokenBytes).toString('base64url');
  await writeInPlace(path, Buffer.from(token), tokenMode);
  return token;
}
