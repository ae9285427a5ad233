import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KeyMaterial } from '../src/ports/key-provider.ts';
import { instance, startHsm, type HsmScene } from '../test/services/hsm-scene.ts';
import { createSoftHsmToken, type SoftHsmToken } from '../test/services/softhsm-token.ts';
import type { DirectAnswer, DirectQuestion } from './load/pkcs11-direct.ts';
import { say } from './load/say.ts';
import { setting } from './load/setting.ts';

/**
 * Keys in an HSM through the `hsm` process, beside direct calls of the same module, taken in turns: `node bench/hsm.ts`.
 * To reach on two cores with 10,000 keys in SoftHSM2: 800 RSA_2048 signatures and 12,000 AES operations a second, a
 * start within 3 s, and 10 ms for the slowest hundredth of the turns of the event loop that calls.
 */

const keyCount = setting('BENCH_HSM_KEYS', 10_000);
const seconds = setting('BENCH_SECONDS', 3);
const rounds = 3;
const callers = 64;
// Making ten thousand objects is as slow as the disk; what is measured is not the disk.
if (existsSync('/dev/shm')) process.env['TMPDIR'] = '/dev/shm';

type What = DirectQuestion['what'];

async function startDirect(
  token: SoftHsmToken,
): Promise<{ process: ChildProcess; ask(what: What): Promise<DirectAnswer> }> {
  const child = fork(join(import.meta.dirname, 'load', 'pkcs11-direct.ts'), [], {
    env: { ...process.env, SOFTHSM2_CONF: token.configurationFile },
  });
  const ask = async (what: What): Promise<DirectAnswer> => {
    child.send({ ...token, what, count: keyCount, seconds } satisfies DirectQuestion & SoftHsmToken);
    const [answer] = (await once(child, 'message')) as [DirectAnswer];
    return answer;
  };
  return { process: child, ask };
}

interface Rate {
  perSecond: number;
  /** Slowest hundredth of the event loop's turns, ms. */
  loopP99: number;
  /** Microseconds of a processor for each call: of this process, and of the `hsm` process. */
  callerUs: number;
  hsmUs: number;
}

/** Lets 64 callers call one after another. */
async function measure(hsm: HsmScene, call: (at: number) => Promise<unknown>): Promise<Rate> {
  const before = { own: process.cpuUsage(), hsm: processorMs(hsm) };
  const loop = monitorEventLoopDelay({ resolution: 1 });
  const started = performance.now();
  let calls = 0;
  loop.enable();
  const work = async (): Promise<void> => {
    while (performance.now() - started < seconds * 1000) await call((calls += 1));
  };
  await Promise.all(Array.from({ length: callers }, work));
  loop.disable();
  const { user, system } = process.cpuUsage(before.own);
  return {
    perSecond: calls / ((performance.now() - started) / 1000),
    loopP99: loop.percentile(99) / 1e6,
    callerUs: (user + system) / calls,
    hsmUs: ((processorMs(hsm) - before.hsm) * 1000) / calls,
  };
}

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[values.length >> 1] ?? 0;

const text = (value: number | undefined, digits = 0): string => (value ?? 0).toFixed(digits);

const none = Buffer.alloc(0);

/** What is measured → the calls of the provider, and what stands beside them. */
async function contests({ provider }: HsmScene): Promise<[string, What, (at: number) => Promise<unknown>][]> {
  const plaintext = randomBytes(40);
  const keysOf = async (storage: 'HsmInternal' | 'HsmEncryptedDatabase', spec: string, count: number) => {
    const keys: KeyMaterial[] = [];
    while (keys.length < count) keys.push(await provider.generate(spec, { scope: instance, storage }));
    return (at: number): KeyMaterial => keys[at % count] ?? keys[0]!;
  };
  const internal = await keysOf('HsmInternal', 'Aliyun_AES_256', 100);
  const wrapped = await keysOf('HsmEncryptedDatabase', 'Aliyun_AES_256', 100);
  const pair = await keysOf('HsmEncryptedDatabase', 'RSA_2048', 1);
  const many = await keysOf('HsmInternal', 'Aliyun_AES_256', keyCount);
  const opener = async (keys: (at: number) => KeyMaterial): Promise<(at: number) => Promise<Buffer>> => {
    const sealed = await Promise.all(
      Array.from({ length: 100 }, (_none, at) => provider.encrypt(keys(at), plaintext, none)),
    );
    return (at) => provider.decrypt(keys(at), sealed[at % 100]!, none);
  };
  return [
    ['AES encrypt, HsmInternal', 'encrypt', (at) => provider.encrypt(internal(at), plaintext, none)],
    ['AES decrypt, HsmInternal', 'decrypt', await opener(internal)],
    [
      `AES encrypt, HsmInternal, ${keyCount} keys in turn`,
      'encrypt',
      (at) => provider.encrypt(many(at), plaintext, none),
    ],
    ['AES encrypt, HsmEncryptedDatabase', 'encrypt', (at) => provider.encrypt(wrapped(at), plaintext, none)],
    ['AES decrypt, HsmEncryptedDatabase', 'decrypt', await opener(wrapped)],
    ['RSA_2048 sign', 'sign', () => provider.signDigest(pair(0), 'RSA_PKCS1_SHA_256', randomBytes(32))],
  ];
}

async function idleLoopP99(): Promise<number> {
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  await sleep(seconds * 1000);
  loop.disable();
  return loop.percentile(99) / 1e6;
}

/** Processor time of supervisor and worker so far (proc(5): fields 14 and 15 of stat, in hundredths of a second). */
function processorMs({ process: { pid } }: HsmScene): number {
  const workers = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  const ticks = [String(pid), ...workers].map((id) =>
    readFileSync(`/proc/${id}/stat`, 'utf8').split(') ')[1]?.split(' '),
  );
  return ticks.reduce((sum, fields) => sum + 10 * (Number(fields?.[11]) + Number(fields?.[12])), 0);
}

async function main(): Promise<void> {
  const token = createSoftHsmToken();
  const maker = await startDirect(token);
  await maker.ask('generate');
  maker.process.kill();
  const direct = await startDirect(token);
  const { value: openMs } = await direct.ask('open');
  const started = performance.now();
  const hsm = await startHsm({ KAAP_HSM_COPY_SECONDS: '10' }, token);
  await hsm.client.call('ping');
  const startMs = performance.now() - started;
  const ratio = (startMs / openMs).toFixed(2);
  say(`${keyCount} keys: start ${startMs.toFixed(0)} ms, of these ${processorMs(hsm)} ms on a processor;`);
  say(`  direct, until every id is read: ${openMs.toFixed(0)} ms (${ratio})`);
  say(`event loop of an idle process: p99 ${(await idleLoopP99()).toFixed(1)} ms`);
  for (const [name, what, call] of await contests(hsm)) {
    const ours: Rate[] = [];
    const theirs: DirectAnswer[] = [];
    for (let round = 0; round < rounds; round += 1) {
      theirs.push(await direct.ask(what));
      ours.push(await measure(hsm, call));
    }
    const [perSecond, p99, callerUs, hsmUs] = (['perSecond', 'loopP99', 'callerUs', 'hsmUs'] as const).map((field) =>
      median(ours.map((rate) => rate[field])),
    );
    const beside = median(theirs.map(({ value }) => value));
    const directUs = median(theirs.map(({ processorUs }) => processorUs));
    say(`${name}: ${text(perSecond)}/s, direct ${text(beside)}/s (${text((perSecond ?? 0) / beside, 2)} x direct)`);
    say(
      `  processor: caller ${text(callerUs)} us, hsm ${text(hsmUs)} us, direct ${text(directUs)} us; loop p99 ${text(p99, 1)} ms`,
    );
  }
  direct.process.kill();
  await hsm.stop();
  token.remove();
}

await main();
