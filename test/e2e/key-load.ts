/**
 * Load on one key. Runs inside the container of kms, bundled, by standard input: arguments KEY FILE. Keeps FILE up to date
 * with what became of its calls until FILE.stop is there; then decrypts all that it has encrypted once more, and prints the
 * end result.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, readConnection } from '../../src/cli/connection.ts';

/** What became of the calls. */
export interface KeyLoadResult {
  /** Round trips that gave back what was encrypted. */
  done: number;
  /** Ciphertexts that were acknowledged. */
  acknowledged: number;
  /** Those of them that, in the end, decrypt to what they were made of. */
  kept: number;
  /** Plaintexts that were not what was encrypted. */
  wrong: number;
  /** Error code → how often, under load. */
  refusals: Record<string, number>;
  /** When the last call under load that succeeded began; milliseconds since the epoch. */
  lastSuccess: number;
  /** Whether the load is over, and what was encrypted is decrypted once more. */
  isOver: boolean;
}

const workers = 4;
const longestMs = 120_000;
const [KeyId = '', file = ''] = process.argv.slice(2);
const client = connect(readConnection(process.env));
const made: { plaintext: string; blob: string }[] = [];
const result: KeyLoadResult = {
  done: 0,
  acknowledged: 0,
  kept: 0,
  wrong: 0,
  refusals: {},
  lastSuccess: 0,
  isOver: false,
};
const end = Date.now() + longestMs;
const isStopped = (): boolean => Date.now() > end || existsSync(`${file}.stop`);
const report = (): void => writeFileSync(file, JSON.stringify(result));

async function attempt(action: string, parameters: object, field: string): Promise<string | undefined> {
  const began = Date.now();
  try {
    const answer = await client.call('Kms', action, { ...parameters });
    if (!result.isOver) result.lastSuccess = Math.max(result.lastSuccess, began);
    return String(answer[field]);
  } catch (error) {
    const code = String((error as { code?: unknown }).code ?? error);
    if (!result.isOver) result.refusals[code] = (result.refusals[code] ?? 0) + 1;
    await sleep(50);
    return undefined;
  }
}

const decrypt = (blob: string): Promise<string | undefined> =>
  attempt('Decrypt', { CiphertextBlob: blob }, 'Plaintext');

async function work(): Promise<void> {
  while (!isStopped()) {
    const plaintext = randomBytes(48).toString('base64');
    const blob = await attempt('Encrypt', { KeyId, Plaintext: plaintext }, 'CiphertextBlob');
    if (blob === undefined) continue;
    result.acknowledged = made.push({ plaintext, blob });
    const back = await decrypt(blob);
    if (back === plaintext) result.done += 1;
    else if (back !== undefined) result.wrong += 1;
  }
}

/** Until it succeeds or the time is up: whatever was in the way may take a while to go. */
async function decryptAtLast(blob: string): Promise<string | undefined> {
  for (;;) {
    const back = await decrypt(blob);
    if (back !== undefined || Date.now() > end + longestMs) return back;
  }
}

const reporting = setInterval(report, 100);
await Promise.all(Array.from({ length: workers }, work));
result.isOver = true;
for (const { plaintext, blob } of made) {
  if ((await decryptAtLast(blob)) === plaintext) result.kept += 1;
}
clearInterval(reporting);
report();
client.close();
process.stdout.write(`${JSON.stringify(result)}\n`);
