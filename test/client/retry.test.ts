import { describe, expect, test } from 'vitest';
import { isKmsClientError, KmsClientError } from '../../src/client/kms-client-error.ts';
import { retrying, retryWaitMs } from '../../src/client/retry.ts';

function failure(retryable: boolean): KmsClientError {
  return new KmsClientError({ code: 'X', message: 'x', httpStatus: 503, retryable });
}

const mayRepeat = (error: unknown): boolean => isKmsClientError(error) && error.retryable;
const limits = { deadlineMs: 10_000, maxAttempts: 3, mayRepeat, random: () => 0 };

describe('retrying', () => {
  test('repeats what may succeed later', async () => {
    let attempts = 0;
    const result = await retrying(limits, () =>
      ++attempts < 3 ? Promise.reject(failure(true)) : Promise.resolve('done'),
    );
    expect([result, attempts]).toEqual(['done', 3]);
  });

  test('gives up after its attempts, with the last error', async () => {
    let attempts = 0;
    await expect(retrying(limits, () => (attempts++, Promise.reject(failure(true))))).rejects.toMatchObject({
      code: 'X',
    });
    expect(attempts).toBe(3);
  });

  test('does not repeat what fails for good, nor what is no error of the client', async () => {
    let attempts = 0;
    await expect(retrying(limits, () => (attempts++, Promise.reject(failure(false))))).rejects.toMatchObject({
      code: 'X',
    });
    await expect(retrying(limits, () => (attempts++, Promise.reject(new TypeError('bug'))))).rejects.toThrow('bug');
    expect(attempts).toBe(2);
  });

  test('ends at the deadline, with the error that kept it', async () => {
    const work = retrying({ ...limits, deadlineMs: 80, maxAttempts: 99 }, () => Promise.reject(failure(true)));
    await expect(work).rejects.toMatchObject({
      code: 'DeadlineExceeded',
      message: 'No successful answer within 80 ms. The last was X: x',
      retryable: true,
      cause: { code: 'X' },
    });
  });

  test('the attempt under way learns of the deadline', async () => {
    const work = retrying(
      { ...limits, deadlineMs: 50 },
      (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('cut')));
        }),
    );
    await expect(work).rejects.toMatchObject({
      code: 'DeadlineExceeded',
      message: 'No successful answer within 50 ms.',
    });
  });

  test('an aborted signal ends it with its reason, also between attempts', async () => {
    const controller = new AbortController();
    const work = retrying({ ...limits, maxAttempts: 99, signal: controller.signal }, () =>
      Promise.reject(failure(true)),
    );
    setTimeout(() => controller.abort(new Error('no longer wanted')), 30);
    await expect(work).rejects.toThrow('no longer wanted');
  });
});

describe('retryWaitMs', () => {
  test('grows to five seconds, and varies by half', () => {
    const waits = [1, 2, 3, 20].map((attempt) => [retryWaitMs(attempt, () => 0), retryWaitMs(attempt, () => 1)]);
    expect(waits).toEqual([
      [50, 100],
      [100, 200],
      [200, 400],
      [2500, 5000],
    ]);
  });
});
