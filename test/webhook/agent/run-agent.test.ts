import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { KmsClientError } from '../../../src/client/kms-client-error.ts';
import type { AgentConfig, AgentSource } from '../../../webhook/agent/agent-config.ts';
import { runAgent, type AgentOptions } from '../../../webhook/agent/run-agent.ts';
import { aFolder, aLog, anAgentBinding, anAgentConfig, aReader } from '../support/agent.ts';

type Read = (source: AgentSource) => string | Buffer | Error;

interface Running {
  done: Promise<void>;
  stop: () => void;
  log: ReturnType<typeof aLog>;
}

function start(config: AgentConfig, read: Read, options: Partial<AgentOptions> = {}): Running {
  const controller = new AbortController();
  const log = aLog();
  const readers = (): ReturnType<typeof aReader> => aReader(read);
  const done = runAgent(config, {
    signal: controller.signal,
    log,
    readers,
    random: () => 0,
    patienceMs: 0,
    settleMs: 0,
    ...options,
  });
  onTestFinished(() => controller.abort());
  return { done, stop: () => controller.abort(), log };
}

function kmsError(code: string, httpStatus: number, detail?: Record<string, string>): KmsClientError {
  const retryable = httpStatus === 0 || httpStatus >= 500;
  return new KmsClientError({ code, message: 'Not now.', httpStatus, retryable, ...(detail && { detail }) });
}

const secrets: Record<string, string> = { 'shop/db': '{"password":"s3cret","user":"u"}', 'shop/tls': 'PEM' };
const give: Read = (source) => ('secretName' in source ? (secrets[source.secretName] ?? '') : 'decrypted');

describe('the agent', () => {
  test('puts variables and files in place, with their modes, and the ready file last', async () => {
    const folder = aFolder();
    const path = join(folder, 'files', 'a', 'tls', 'key.pem');
    const config = anAgentConfig(folder, [
      anAgentBinding(),
      anAgentBinding({
        name: 'tls',
        sources: [{ name: 'tls', secretName: 'shop/tls' }],
        env: [],
        files: [{ path, source: 'tls', mode: '0440' }],
      }),
    ]);
    const seen: boolean[] = [];
    await start(config, give, { onReady: () => seen.push(existsSync(config.readyFile)) }).done;
    expect(seen).toEqual([true]);
    expect(readFileSync(config.envFile, 'utf8')).toBe("DB_PASSWORD='s3cret'\n");
    expect(statSync(config.envFile).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).toBe('PEM');
    expect(statSync(path).mode & 0o777).toBe(0o440);
  });

  test('G2: puts nothing in place while one of three sources is refused, and says which and why', async () => {
    const config = anAgentConfig(aFolder(), [
      anAgentBinding({
        sources: [
          { name: 'db', secretName: 'shop/db' },
          { name: 'tls', secretName: 'shop/tls' },
          { name: 'other', secretName: 'pay/db' },
        ],
        files: [{ path: join(aFolder(), 'tls'), source: 'tls', mode: '0444' }],
      }),
    ]);
    const denied = kmsError('Forbidden.NoPermission', 403, { PolicyName: 'RbacPolicy/shop' });
    const running = start(config, (source) =>
      'secretName' in source && source.secretName === 'pay/db' ? denied : give(source),
    );
    await expect(running.done).rejects.toThrow(
      /SecretBinding db: the secret pay\/db was refused with Forbidden.NoPermission: .*RbacPolicy\/shop.* Let a policy of the access point shop allow it/,
    );
    for (const path of [
      config.envFile,
      config.readyFile,
      ...config.bindings.flatMap(({ files }) => files.map((f) => f.path)),
    ]) {
      expect(existsSync(path)).toBe(false);
    }
  });

  test('G2: puts nothing in place while one of two bindings cannot be rendered', async () => {
    const config = anAgentConfig(aFolder(), [
      anAgentBinding(),
      anAgentBinding({
        name: 'tls',
        sources: [{ name: 'tls', secretName: 'shop/tls' }],
        env: [{ name: 'K', source: 'tls', field: 'x' }],
      }),
    ]);
    await expect(start(config, give).done).rejects.toThrow('SecretBinding tls: the variable K takes the field x');
    expect(existsSync(config.envFile)).toBe(false);
  });

  test('A7: refuses a value that the env file cannot carry, before anything is written', async () => {
    const folder = aFolder();
    const path = join(folder, 'files', 'x');
    const config = anAgentConfig(folder, [
      anAgentBinding({ env: [{ name: 'X', source: 'db' }], files: [{ path, source: 'db', mode: '0444' }] }),
    ]);
    await expect(start(config, () => "it's canary").done).rejects.toThrow('single quote');
    await expect(start(config, () => "it's canary").done).rejects.not.toThrow('canary');
    expect(existsSync(path)).toBe(false);
  });

  test('keeps asking while the KMS gives no answer, and starts by itself once it does', async () => {
    const config = anAgentConfig(aFolder());
    let calls = 0;
    const outage = [kmsError('ConnectionFailed', 0), kmsError('ServiceUnavailableTemporary', 503)];
    const running = start(config, (source) => outage[calls++] ?? give(source));
    await running.done;
    expect(calls).toBe(3);
    expect(running.log.lines.filter((line) => line.startsWith('secrets are not in place yet'))).toHaveLength(2);
    expect(existsSync(config.readyFile)).toBe(true);
  });

  test('asks again after a refusal for a moment: a policy applied together with the pod may be late', async () => {
    const config = anAgentConfig(aFolder());
    let calls = 0;
    await start(config, (source) => (calls++ === 0 ? kmsError('EntityNotExist.Role', 404) : give(source)), {
      patienceMs: 5000,
    }).done;
    expect(existsSync(config.readyFile)).toBe(true);
  });

  test('ends at once when it is told to, also while the KMS is away', async () => {
    const running = start(anAgentConfig(aFolder()), () => kmsError('ConnectionFailed', 0));
    running.stop();
    await expect(running.done).resolves.toBeUndefined();
  });

  test('holds when nothing is left to refresh', async () => {
    const hold = vi.fn(() => Promise.resolve());
    await start(anAgentConfig(aFolder()), give, { hold }).done;
    expect(hold).toHaveBeenCalledOnce();
  });
});

describe('refresh', () => {
  test('begins once the application has had its turn, and ends before that when it is told to', async () => {
    const config = anAgentConfig(aFolder(), [{ ...anAgentBinding(), refreshSeconds: 0.01 }]);
    let calls = 0;
    const counted: Read = (source) => {
      calls += 1;
      return give(source);
    };
    const waiting = start(config, counted, { settleMs: 60_000 });
    await vi.waitFor(() => expect(existsSync(config.readyFile)).toBe(true));
    await sleep(200);
    expect(calls).toBe(1);
    waiting.stop();
    await waiting.done;
    const settled = start(config, counted, { settleMs: 1 });
    await vi.waitFor(() => expect(calls).toBeGreaterThan(3));
    settled.stop();
    await settled.done;
  });

  test('replaces what changed, and keeps good values when the KMS fails, refuses or gives nonsense', async () => {
    const folder = aFolder();
    const path = join(folder, 'files', 'db');
    const config = anAgentConfig(folder, [
      { ...anAgentBinding({ files: [{ path, source: 'db', mode: '0444' }] }), refreshSeconds: 0.02 },
    ]);
    let answer: string | Error = '{"password":"one"}';
    const running = start(config, () => answer);
    await vi.waitFor(() => expect(existsSync(config.readyFile)).toBe(true));
    for (const failure of [
      kmsError('ConnectionFailed', 0),
      kmsError('Forbidden.NoPermission', 403),
      'not json',
      '{"password":"it\'s"}',
    ]) {
      const before = running.log.lines.length;
      answer = failure;
      await vi.waitFor(() => expect(running.log.lines.length).toBeGreaterThan(before));
      expect(readFileSync(path, 'utf8')).toBe('{"password":"one"}');
      expect(readFileSync(config.envFile, 'utf8')).toBe("DB_PASSWORD='one'\n");
    }
    answer = '{"password":"two"}';
    await vi.waitFor(() => expect(readFileSync(path, 'utf8')).toBe(answer));
    await vi.waitFor(() => expect(readFileSync(config.envFile, 'utf8')).toBe("DB_PASSWORD='two'\n"));
    running.stop();
    await running.done;
    expect(running.log.lines.join('\n')).not.toContain('two');
  });

  test('leaves a file alone whose content is the same', async () => {
    const config = anAgentConfig(aFolder(), [{ ...anAgentBinding(), refreshSeconds: 0.01 }]);
    const running = start(config, give);
    await vi.waitFor(() => expect(existsSync(config.readyFile)).toBe(true));
    const before = statSync(config.envFile).ino;
    await sleep(60);
    running.stop();
    await running.done;
    expect(statSync(config.envFile).ino).toBe(before);
  });
});
