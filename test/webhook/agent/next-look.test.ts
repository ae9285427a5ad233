import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { KmsClientError } from '../../../src/client/kms-client-error.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import type { AgentSource } from '../../../webhook/agent/agent-config.ts';
import { NextLook } from '../../../webhook/agent/next-look.ts';
import type { SecretReader } from '../../../webhook/agent/source-value.ts';
import { anAgentBinding } from '../support/agent.ts';

type Wait = NonNullable<SecretReader['waitForChange']>;

function looks(wait: Wait | undefined, sources?: AgentSource[], seconds = 3600): { look: NextLook; stop: () => void } {
  const end = new AbortController();
  const binding = { ...anAgentBinding(sources === undefined ? {} : { sources }), refreshSeconds: seconds };
  const reader: SecretReader = {
    read: () => Promise.reject(new Error('not asked')),
    answer: () => Promise.reject(new Error('not asked')),
    close: () => undefined,
    ...(wait === undefined ? {} : { waitForChange: wait }),
  };
  const options = { signal: end.signal, clock: systemClock, random: () => 0 };
  return { look: new NextLook(binding, reader, options), stop: () => end.abort() };
}

const failure = (code: string): KmsClientError =>
  new KmsClientError({ code, message: code, httpStatus: 404, retryable: false });

/** Whether a promise settles while others have their turn. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([promise.then(() => true), sleep(40).then(() => false)]);
}

describe('the next look', () => {
  test('is due as soon as a change is announced, long before the interval', async () => {
    const wait = vi.fn<Wait>(async () => ({ changed: true, known: new Map([['db', 's1']]) }));
    const { look } = looks(wait);
    await look.next();
    look.note('succeeded');
    await look.next();
    expect(wait.mock.calls.map(([, known]) => [...known])).toEqual([[], [['db', 's1']]]);
  });

  test('listens on where nothing changed', async () => {
    let calls = 0;
    const { look } = looks(async () => ({ changed: ++calls === 3, known: new Map() }));
    await look.next();
    expect(calls).toBe(3);
  });

  test('comes with the interval where the KMS has no announcements, without asking for them again', async () => {
    const wait = vi.fn<Wait>(() => Promise.reject(failure('InvalidApi.NotFound')));
    const { look } = looks(wait, undefined, 0.001);
    await look.next();
    look.note('succeeded');
    await look.next();
    expect(wait).toHaveBeenCalledOnce();
  });

  test('does not busy itself with a KMS that is away', async () => {
    const wait = vi.fn<Wait>(() => Promise.reject(failure('ConnectionFailed')));
    const { look, stop } = looks(wait);
    const next = look.next();
    expect(await isSettled(next)).toBe(false);
    expect(wait).toHaveBeenCalledOnce();
    stop();
    await next;
  });

  test('comes soon after one that failed, and then counts nothing as known', async () => {
    const wait = vi.fn<Wait>(async () => ({ changed: true, known: new Map([['db', 's1']]) }));
    const { look } = looks(wait);
    await look.next();
    look.note('failed');
    await look.next();
    expect(wait).toHaveBeenCalledOnce();
    look.note('succeeded');
    await look.next();
    expect([...(wait.mock.calls[1]?.[1] ?? [])]).toEqual([]);
  });

  test('asks about secrets whose version may change only', async () => {
    const wait = vi.fn<Wait>(async () => ({ changed: true, known: new Map() }));
    const moving = { name: 'a', secretName: 'shop/a' };
    const { look } = looks(wait, [
      moving,
      { name: 'b', secretName: 'shop/b', versionId: 'v1' },
      { name: 'c', ciphertextBlob: 'AAAA' },
    ]);
    await look.next();
    expect(wait.mock.calls[0]?.[0]).toEqual([moving]);
  });

  test('ends when the agent does', async () => {
    const { look, stop } = looks(
      (_sources, _known, _seconds, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
    );
    const next = look.next();
    stop();
    await expect(next).resolves.toBeUndefined();
  });
});
