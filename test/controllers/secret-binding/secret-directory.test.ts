import { beforeEach, describe, expect, it } from 'vitest';
import { KmsClientError } from '../../../src/client/kms-client-error.ts';
import { SecretDirectory } from '../../../src/controllers/secret-binding/secret-directory.ts';
import { ManualClock } from '../../../src/lib/clock.ts';

const { signal } = new AbortController();

/** A KMS with secrets, which counts what it is asked. */
class Kms {
  readonly secrets = new Set<string>();
  readonly calls: string[] = [];
  failure: Error | undefined;

  call(action: string, parameters: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>> {
    this.calls.push(action);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    if (action === 'ListSecrets') return Promise.resolve(this.#page(Number(parameters['PageNumber'])));
    if (this.secrets.has(String(parameters['SecretName']))) return Promise.resolve({});
    const code = 'Forbidden.ResourceNotFound';
    return Promise.reject(new KmsClientError({ code, message: '', httpStatus: 404, retryable: false }));
  }

  #page(number: number): Readonly<Record<string, unknown>> {
    const Secret = [...this.secrets].slice((number - 1) * 100, number * 100).map((SecretName) => ({ SecretName }));
    return { SecretList: { Secret }, TotalCount: this.secrets.size };
  }
}

describe('The directory of secrets', () => {
  const clock = new ManualClock();
  let kms: Kms;
  let directory: SecretDirectory;
  const ask = (count: number): Promise<boolean[]> =>
    Promise.all(Array.from({ length: count }, (_, at) => directory.has(`shop/${at}`, signal)));
  const counted = (action: string): number => kms.calls.filter((call) => call === action).length;

  beforeEach(() => {
    kms = new Kms();
    for (let at = 0; at < 250; at += 1) kms.secrets.add(`shop/${at}`);
    directory = new SecretDirectory(kms, clock);
  });

  it('asks for a few one by one', async () => {
    expect(await ask(10)).toEqual(Array(10).fill(true));
    expect([counted('DescribeSecret'), counted('ListSecrets')]).toEqual([10, 0]);
  });

  it('answers very many from one listing of all pages', async () => {
    expect(await ask(250)).toEqual(Array(250).fill(true));
    expect(counted('ListSecrets')).toBe(3);
    expect(counted('DescribeSecret')).toBeLessThan(50);
  });

  it('says that a secret is missing only as KMS says so itself, and sees a new one at once', async () => {
    await ask(250);
    kms.calls.length = 0;
    expect(await directory.has('shop/new', signal)).toBe(false);
    kms.secrets.add('shop/new');
    expect(await directory.has('shop/new', signal)).toBe(true);
    expect(kms.calls).toEqual(['DescribeSecret', 'DescribeSecret']);
  });

  it('does not believe a listing that is older than ten seconds', async () => {
    await ask(250);
    kms.secrets.delete('shop/7');
    expect(await directory.has('shop/7', signal)).toBe(true);
    clock.advance(10_001);
    expect(await directory.has('shop/7', signal)).toBe(false);
  });

  it('lists nothing that is beyond measure, and asks one by one', async () => {
    for (let at = 0; at <= 2_000; at += 1) kms.secrets.add(`other/${at}`);
    expect(await ask(200)).toEqual(Array(200).fill(true));
    expect([counted('ListSecrets'), counted('DescribeSecret')]).toEqual([1, 200]);
  });

  it('fails while KMS does, and lists again once it answers', async () => {
    kms.failure = new KmsClientError({ code: 'ConnectionFailed', message: '', httpStatus: 0, retryable: true });
    const answers = await Promise.allSettled(Array.from({ length: 60 }, () => directory.has('shop/1', signal)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(['rejected']));
    kms.failure = undefined;
    expect(await ask(60)).toEqual(Array(60).fill(true));
  });
});
