import { beforeEach, describe, expect, test, vi } from 'vitest';
import { evaluate } from '../../../../src/policy/evaluate.ts';
import { SecretChanges } from '../../../../src/kms/secret-changes.ts';
import { MemoryStore } from '../../../../src/storage/memory-store.ts';
import { attached, context, documentOf, user } from '../../../support/policy-scene.ts';
import { account, arn, KmsScene } from '../../kms-scene.ts';

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

async function wait(secrets: object[], WaitSeconds = 20, more: object = {}): Promise<State[]> {
  const answer = await kms.call('WaitSecretChanges', { Secrets: JSON.stringify(secrets), WaitSeconds, ...more });
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

  test('says of a secret that took the name meanwhile only that it is another: nobody has asked who may know of it', async () => {
    const Secrets = [{ SecretName: 'shop/new', State: 'absent' }, await known()];
    const plan = await kms.plan('WaitSecretChanges', { Secrets: JSON.stringify(Secrets) });
    await kms.call('DeleteSecret', { SecretName: 'shop/db', ForceDeleteWithoutRecovery: true });
    for (const SecretName of ['shop/new', 'shop/db']) {
      await kms.call('CreateSecret', { SecretName, SecretData: 'one', VersionId: 'hidden' });
    }
    const another = { State: 'another', Changed: true };
    expect(await plan.run()).toMatchObject({ Secrets: { Secret: [another, another] } });
    expect(await wait([{ SecretName: 'shop/new', State: 'another' }])).toMatchObject([{ Changed: true }]);
  });

  test.each([
    ['[]', 'InvalidParameter'],
    [JSON.stringify(Array.from({ length: 33 }, () => ({ SecretName: 'a' }))), 'InvalidParameter'],
    ['x', 'InvalidParameter'],
  ])('refuses the list %s', async (Secrets, code) => {
    expect(await kms.failure('WaitSecretChanges', { Secrets })).toContain(code);
  });
});

describe('WaitSecretChanges that watches versions', () => {
  const Watch = 'Versions';

  test('needs the permission of ListSecretVersionIds on every secret, and no use of their keys', async () => {
    const EncryptionKeyId = await kms.newKey();
    await kms.call('CreateSecret', { SecretName: 'shop/own', SecretData: 'x', VersionId: 'v1', EncryptionKeyId });
    const Secrets = JSON.stringify([{ SecretName: 'shop/own' }, { SecretName: 'other/secret' }]);
    expect(await kms.access('WaitSecretChanges', { Secrets, Watch })).toEqual([
      `kms:ListSecretVersionIds on ${arn('secret/shop/own')}`,
      `kms:ListSecretVersionIds on ${arn('secret/other/secret')}`,
    ]);
    expect(await kms.access('WaitSecretChanges', { Secrets })).toContain(
      `kms:Decrypt on ${arn(`key/${EncryptionKeyId}`)}`,
    );
  });

  test.each([
    ['kms:ListSecretVersionIds', { Versions: 'Allow', Value: 'Deny' }],
    ['kms:GetSecretValue', { Versions: 'Deny', Value: 'Allow' }],
    ['kms:WaitSecretChanges', { Versions: 'Deny', Value: 'Deny' }],
  ])('somebody with %s and nothing else may wait so and not otherwise', async (permission, expected) => {
    const caller = { ...user, accountId: account };
    const policies = attached(documentOf({ Effect: 'Allow', Action: permission, Resource: '*' }));
    const Secrets = JSON.stringify([{ SecretName: 'shop/db' }]);
    const effectOf = async (parameters: object): Promise<string> =>
      evaluate(caller, await kms.accessRequests('WaitSecretChanges', { Secrets, ...parameters }), context, policies)
        .effect;
    expect({ Versions: await effectOf({ Watch }), Value: await effectOf({ Watch: 'Value' }) }).toEqual(expected);
    expect(await effectOf({})).toBe(expected.Value);
  });

  test('its audit record names that permission, which the name of the action does not say', async () => {
    const Secrets = JSON.stringify([{ SecretName: 'shop/db' }]);
    expect((await kms.plan('WaitSecretChanges', { Secrets, Watch })).permission).toBe('kms:ListSecretVersionIds');
    expect((await kms.plan('WaitSecretChanges', { Secrets })).permission).toBeUndefined();
  });

  test('answers as soon as a version takes the stage, and keeps quiet about a deletion, as a list of versions does', async () => {
    const [before] = await wait([{ SecretName: 'shop/db' }], 0, { Watch });
    await kms.call('DeleteSecret', { SecretName: 'shop/db' });
    expect(await wait([before as State], 0, { Watch })).toMatchObject([{ Changed: false }]);
    expect(await wait([before as State], 0)).toMatchObject([{ Changed: true }]);
    await kms.call('RestoreSecret', { SecretName: 'shop/db' });
    const waiting = wait([before as State], 20, { Watch });
    await put('v2');
    expect(await waiting).toMatchObject([{ SecretName: 'shop/db', Changed: true }]);
  });

  test('knows no other word', async () => {
    const Secrets = JSON.stringify([{ SecretName: 'shop/db' }]);
    expect(await kms.failure('WaitSecretChanges', { Secrets, Watch: 'versions' })).toContain('InvalidParameter');
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
