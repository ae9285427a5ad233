import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { markOf } from '../../../src/api/version-mark.ts';
import { KmsClientError } from '../../../src/client/kms-client-error.ts';
import type { AgentConfig } from '../../../webhook/agent/agent-config.ts';
import { LastKnownGood } from '../../../webhook/agent/last-known-good.ts';
import { RestartNeeded } from '../../../webhook/agent/refresh.ts';
import { runAgent, type AgentOptions } from '../../../webhook/agent/run-agent.ts';
import { aFolder, aLog, anAgentBinding, anAgentConfig, aReader, versionIdOf } from '../support/agent.ts';

const away = new KmsClientError({ code: 'ConnectionFailed', message: 'away', httpStatus: 0, retryable: true });
const refused = new KmsClientError({
  code: 'Forbidden.NoPermission',
  message: 'no',
  httpStatus: 403,
  retryable: false,
});

const blocked = new KmsClientError({
  code: 'Rejected.Unavailable',
  message: 'kst-xki0 is blocked',
  httpStatus: 409,
  retryable: false,
});

interface Pod {
  config: AgentConfig;
  file: string;
  /** Seconds since the boot of the node. */
  uptime: number;
  answer: string | Error;
}

function aPodWith(outageSeconds: number | undefined, more: object = {}): Pod {
  const folder = aFolder();
  const file = join(folder, 'files', 'db');
  const binding = { ...anAgentBinding({ files: [{ path: file, source: 'db', mode: '0444' }] }), ...more };
  const config = { ...anAgentConfig(folder, [binding]), ...(outageSeconds === undefined ? {} : { outageSeconds }) };
  return { config, file, uptime: 1000, answer: '{"password":"one"}' };
}

interface Started {
  done: Promise<void>;
  stop: () => void;
  ready: () => boolean;
  log: ReturnType<typeof aLog>;
}

/** A start of the agent's container in the pod. */
function start(pod: Pod, options: Partial<AgentOptions> = {}): Started {
  const end = new AbortController();
  const log = aLog();
  let isReady = false;
  const done = runAgent(pod.config, {
    signal: end.signal,
    log,
    readers: () => aReader(() => pod.answer),
    random: () => 0,
    patienceMs: 0,
    settleMs: 0,
    uptimeSeconds: () => pod.uptime,
    onReady: () => {
      isReady = true;
    },
    ...options,
  });
  done.catch(() => undefined);
  onTestFinished(() => end.abort());
  return { done, stop: () => end.abort(), ready: () => isReady, log };
}

/** The pod after a first, complete delivery. */
async function delivered(outageSeconds: number | undefined, more: object = {}): Promise<Pod> {
  const pod = aPodWith(outageSeconds, more);
  const first = start(pod, { hold: () => Promise.resolve() });
  await vi.waitFor(() => expect(first.ready()).toBe(true));
  first.stop();
  await first.done;
  pod.answer = away;
  return pod;
}

describe('a start while the KMS is away', () => {
  test('runs on with what the pod had, and says how old that is', async () => {
    const pod = await delivered(600);
    pod.uptime += 120;
    const again = start(pod);
    await vi.waitFor(() => expect(again.ready()).toBe(true));
    expect(again.log.lines.join('\n')).toContain('"ageSeconds":120');
    expect(readFileSync(pod.file, 'utf8')).toBe('{"password":"one"}');
    pod.answer = '{"password":"two"}';
    await vi.waitFor(() => expect(readFileSync(pod.file, 'utf8')).toBe('{"password":"two"}'));
  });

  test.each([
    ['its bindings do not allow it', undefined, (): void => undefined],
    ['the values are too old', 600, (pod: Pod): void => void (pod.uptime += 601)],
    ['the node has booted since', 600, (pod: Pod): void => void (pod.uptime = 5)],
    ['a file is missing: never a part', 600, (pod: Pod): void => rmSync(pod.file)],
    ['the variables are missing', 600, (pod: Pod): void => rmSync(pod.config.envFile)],
    [
      'they are of another identity',
      600,
      (pod: Pod): void => {
        pod.config = { ...pod.config, bindings: pod.config.bindings.map((b) => ({ ...b, accessPoint: 'other' })) };
      },
    ],
    [
      'the record is nonsense',
      600,
      (pod: Pod): void => writeFileSync(join(pod.config.envFile, '..', '.delivered'), '{"digest":1'),
    ],
  ] as const)('waits when %s', async (_, outageSeconds, change) => {
    const pod = await delivered(outageSeconds);
    change(pod);
    const again = start(pod);
    await vi.waitFor(() => expect(again.log.lines.length).toBeGreaterThan(1));
    expect(again.ready()).toBe(false);
    expect(existsSync(pod.config.readyFile)).toBe(false);
  });

  test('takes the values away when they become too old meanwhile', async () => {
    const pod = await delivered(600);
    const again = start(pod);
    await vi.waitFor(() => expect(again.ready()).toBe(true));
    pod.uptime += 601;
    await vi.waitFor(() => expect(existsSync(pod.file)).toBe(false));
    expect(existsSync(pod.config.envFile)).toBe(false);
    expect(existsSync(pod.config.readyFile)).toBe(false);
  });
});

describe('a refusal is no outage', () => {
  test.each([
    ['a revoked pod', refused],
    ['F6: a pod whose key is blocked or disabled at its owner', blocked],
  ])('%s gets nothing at its next start: what it had is taken away', async (_, refusal) => {
    const pod = await delivered(600);
    pod.answer = refusal;
    await expect(start(pod).done).rejects.toThrow(refusal.code);
    for (const path of [pod.file, pod.config.envFile, pod.config.readyFile]) expect(existsSync(path), path).toBe(false);
    pod.answer = away;
    const again = start(pod);
    await vi.waitFor(() => expect(again.log.lines.length).toBeGreaterThan(1));
    expect(again.ready()).toBe(false);
  });

  test('a pod that is revoked while it runs cannot start again in an outage', async () => {
    const pod = aPodWith(600, { refreshSeconds: 0.01 });
    const first = start(pod);
    await vi.waitFor(() => expect(first.ready()).toBe(true));
    pod.answer = refused;
    await vi.waitFor(() => expect(first.log.lines.join('\n')).toContain('refresh failed'));
    expect(existsSync(pod.file)).toBe(true);
    first.stop();
    await first.done;
    pod.answer = away;
    const again = start(pod);
    await vi.waitFor(() => expect(again.log.lines.length).toBeGreaterThan(1));
    expect(again.ready()).toBe(false);
  });
});

test('an age counts from the oldest binding, and a clock cannot change it', async () => {
  const folder = aFolder();
  const config = anAgentConfig(folder, [anAgentBinding({ name: 'a' }), anAgentBinding({ name: 'b' })]);
  let uptime = 100;
  const record = new LastKnownGood(config, () => uptime);
  expect(await record.age()).toBeUndefined();
  mkdirSync(join(config.envFile, '..'), { recursive: true });
  writeFileSync(config.envFile, '');
  await record.confirm(['a', 'b']);
  uptime = 150;
  await record.confirm(['b']);
  uptime = 160;
  expect(await record.age()).toBe(60);
});

describe('restarting in place', () => {
  const restarting = { refreshSeconds: 0.01, restartOnChange: true };

  test('ends the agent once new variables are in place, so that all containers start again with them', async () => {
    const pod = aPodWith(undefined, restarting);
    const agent = start(pod);
    await vi.waitFor(() => expect(agent.ready()).toBe(true));
    pod.answer = '{"password":"two"}';
    await expect(agent.done).rejects.toBeInstanceOf(RestartNeeded);
    expect(readFileSync(pod.config.envFile, 'utf8')).toBe("DB_PASSWORD='two'\n");
    const again = start(pod);
    await vi.waitFor(() => expect(again.ready()).toBe(true));
    again.stop();
    await expect(again.done).resolves.toBeUndefined();
  });

  test('also when the new version came while the agent was not there', async () => {
    const pod = await delivered(undefined, restarting);
    pod.answer = '{"password":"two"}';
    await expect(start(pod).done).rejects.toBeInstanceOf(RestartNeeded);
  });

  test('waits with values and restart for the turn of its pod, with just the versions that it has', async () => {
    const turnFile = join(aFolder(), 'turn');
    const pod = aPodWith(undefined, { ...restarting, turnFile });
    const agent = start(pod);
    await vi.waitFor(() => expect(agent.ready()).toBe(true));
    pod.answer = '{"password":"two"}';
    await vi.waitFor(() => expect(agent.log.lines.join('\n')).toContain('wait for the turn'));
    writeFileSync(turnFile, markOf({ 'shop/db': versionIdOf('{"password":"one"}') }));
    await sleep(1200);
    expect(readFileSync(pod.config.envFile, 'utf8')).toBe("DB_PASSWORD='one'\n");
    writeFileSync(turnFile, markOf({ 'shop/db': versionIdOf(pod.answer) }));
    await expect(agent.done).rejects.toBeInstanceOf(RestartNeeded);
    expect(readFileSync(pod.config.envFile, 'utf8')).toBe("DB_PASSWORD='two'\n");
  });

  test.each([
    ['have not the field of a variable', '{"user":"u"}', /which has no such field|field password/],
    ['hold a quote, which the kubelet cannot take', '{"password":"it\'s"}', /DB_PASSWORD/],
  ])('starts again, in its turn, with values that %s: what goes first is to fail', async (_, value, why) => {
    const turnFile = join(aFolder(), 'turn');
    const pod = aPodWith(undefined, { ...restarting, turnFile });
    const agent = start(pod);
    await vi.waitFor(() => expect(agent.ready()).toBe(true));
    pod.answer = value;
    await sleep(300);
    expect(readFileSync(pod.config.envFile, 'utf8')).toBe("DB_PASSWORD='one'\n");
    writeFileSync(turnFile, markOf({ 'shop/db': versionIdOf(value) }));
    await expect(agent.done).rejects.toBeInstanceOf(RestartNeeded);
    // Else the application would start on the old values, before the agent has said a word.
    expect(existsSync(pod.config.readyFile)).toBe(false);
    await expect(start(pod).done).rejects.toThrow(why);
  });

  test('needs no turn for values that change no variable', async () => {
    const pod = aPodWith(undefined, { ...restarting, turnFile: join(aFolder(), 'turn') });
    const agent = start(pod);
    await vi.waitFor(() => expect(agent.ready()).toBe(true));
    pod.answer = '{"password":"one","user":"other"}';
    await vi.waitFor(() => expect(readFileSync(pod.file, 'utf8')).toBe(pod.answer));
    agent.stop();
    await expect(agent.done).resolves.toBeUndefined();
  });

  test('does not happen for a change of files alone', async () => {
    const pod = aPodWith(undefined, restarting);
    const agent = start(pod);
    await vi.waitFor(() => expect(agent.ready()).toBe(true));
    pod.answer = '{"password":"one","more":1}';
    await vi.waitFor(() => expect(readFileSync(pod.file, 'utf8')).toContain('more'));
    agent.stop();
    await expect(agent.done).resolves.toBeUndefined();
  });
});
