import { beforeEach, describe, expect, test, vi } from 'vitest';
import { SecretChanges } from '../../../../src/kms/secret-changes.ts';
import { MemoryStore } from '../../../../src/storage/memory-store.ts';
import { arn, KmsScene } from '../../kms-scene.ts';

interface State {
  SecretName: string;
  State: string;
  Changed: boolean;
}

let kms: KmsScene;
beforeEach(async () => {
  kms = new KmsScene();
  for (const SecretName of ['shop/db', 'shop/cache']) {
    await kms.call('CreateSecret', { SecretName, SecretData: 'one', VersionId: 'v1' });
  }
});

async function wait(secrets: object[], WaitSeconds = 20): Promise<State[]> {
  const answer = await kms.call('WaitSecretChanges', { Secrets: JSON.stringify(secrets), WaitSeconds });
  return (answer['Secrets'] as { Secret: State[] }).Secret;
}

const put = (VersionId: string, more: object = {}): Promise<unknown> =>
  kms.call('PutSecretValue', { SecretName: 'shop/db', SecretData: 'two', VersionId, ...more });

async function known(more: object = {}): Promise<object> {
  const [first] = await wait([{ SecretName: 'shop/db', ...more }]);
  return { SecretName: 'shop/db', State: first?.State, ...more };
}

describe('WaitSecretChanges', () => {
  test('answers at once when no state is known, and does not wait longer than it is told', async () => {
    expect(await wait([{ SecretName: 'shop/db' }])).toMatchObject([{ SecretName: 'shop/db', Changed: true }]);
    expect(await wait([await known()], 0)).toMatchObject([{ Changed: false }]);
  });

  test('answers as soon as a version takes the stage, and says which secret it was', async () => {
    const [db, cache] = await wait([{ SecretName: 'shop/db' }, { SecretName: 'shop/cache' }]);
    const waiting = wait([db as State, cache as State]);
    await put('v2');
    expect(await waiting).toMatchObject([
      { SecretName: 'shop/db', Changed: true },
      { SecretName: 'shop/cache', Changed: false },
    ]);
  });

  test('misses nothing that happened between two calls', async () => {
    const before = await known();
    await put('v2');
    expect(await wait([before])).toMatchObject([{ Changed: true }]);
  });

  test('watches the stage that it is asked about, and no other', async () => {
    await put('v2');
    const previous = await known({ VersionStage: 'ACSPrevious' });
    await put('v3', { VersionStages: '["trial"]' });
    expect(await wait([previous], 0)).toMatchObject([{ Changed: false }]);
    await put('v4');
    expect(await wait([previous])).toMatchObject([{ Changed: true }]);
  });

  test('a secret that is made anew under its name has another state, even with the same version id', async () => {
    const before = await known();
    await kms.call('DeleteSecret', { SecretName: 'shop/db', ForceDeleteWithoutRecovery: true });
    expect(await wait([before])).toMatchObject([{ State: 'absent', Changed: true }]);
    await kms.call('CreateSecret', { SecretName: 'shop/db', SecretData: 'other', VersionId: 'v1' });
    expect(await wait([before])).toMatchObject([{ Changed: true }]);
  });

  test('needs the permission of GetSecretValue on every secret, and gives no value', async () => {
    const Secrets = JSON.stringify([{ SecretName: 'shop/db' }, { SecretName: 'other/secret' }]);
    expect(await kms.access('WaitSecretChanges', { Secrets })).toEqual([
      `kms:GetSecretValue on ${arn('secret/shop/db')}`,
      `kms:GetSecretValue on ${arn('secret/other/secret')}`,
    ]);
    expect(JSON.stringify(await wait([{ SecretName: 'shop/db' }]))).not.toContain('one');
  });

  test.each([
    ['[]', 'InvalidParameter'],
    [JSON.stringify(Array.from({ length: 33 }, () => ({ SecretName: 'a' }))), 'InvalidParameter'],
    ['x', 'InvalidParameter'],
  ])('refuses the list %s', async (Secrets, code) => {
    expect(await kms.failure('WaitSecretChanges', { Secrets })).toContain(code);
  });
});

describe('the waits', () => {
  const options = (): { timeoutMs: number; signal: AbortSignal } => ({
    timeoutMs: 10_000,
    signal: new AbortController().signal,
  });
  const never = (): Promise<boolean> => Promise.resolve(false);
  const change = (store: MemoryStore, key: string): Promise<void> =>
    store.transact((transaction) => transaction.put('kms/secrets', key, Buffer.from('x')));

  test('listen to the store only while somebody waits', async () => {
    const store = new MemoryStore();
    const watch = vi.spyOn(store, 'watch');
    const changes = new SecretChanges(store);
    const both = [changes.wait(['a'], never, options()), changes.wait(['a', 'b'], never, options())];
    expect(watch).toHaveBeenCalledOnce();
    await change(store, 'c');
    expect(changes.waits).toBe(2);
    await change(store, 'a');
    expect(await Promise.all(both)).toEqual([true, true]);
    expect(changes.waits).toBe(0);
    void changes.wait(['a'], never, { ...options(), timeoutMs: 1 });
    expect(watch).toHaveBeenCalledTimes(2);
  });

  test('end with their caller', async () => {
    const store = new MemoryStore();
    const changes = new SecretChanges(store);
    const gone = new AbortController();
    const waiting = changes.wait(['a'], never, { timeoutMs: 60_000, signal: gone.signal });
    gone.abort();
    expect(await waiting).toBe(false);
    expect(changes.waits).toBe(0);
  });

  test('are bounded: one too many is told to ask later, and takes nothing from the others', async () => {
    const store = new MemoryStore();
    const changes = new SecretChanges(store, 2);
    const waiting = [changes.wait(['a'], never, options()), changes.wait(['b'], never, options())];
    await expect(changes.wait(['a'], never, options())).rejects.toMatchObject({ code: 'Rejected.Throttling' });
    await change(store, 'a');
    await change(store, 'b');
    expect(await Promise.all(waiting)).toEqual([true, true]);
  });
});
