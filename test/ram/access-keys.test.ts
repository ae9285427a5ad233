import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { SecretBytes } from '../../src/lib/secret-bytes.ts';
import { createAccessKey, deleteAccessKey, findAccessKey, setAccessKeyActive } from '../../src/ram/access-keys.ts';
import { ensureRootAccessKey } from '../../src/ram/root-access-key.ts';
import { MemoryStore } from '../../src/storage/memory-store.ts';

const made = { now: Date.UTC(2026, 0, 1), random: randomBytes };
const forUser = { ...made, owner: { kind: 'RamUser', userName: 'ci' } } as const;
const textOf = (secret: SecretBytes | undefined): string | undefined => secret?.reveal().toString('utf8');

describe('an access key', () => {
  test('is found by its id with its secret and owner', async () => {
    const store = new MemoryStore();
    const key = await createAccessKey(store, forUser);
    const found = await findAccessKey(store, key.accessKeyId);
    expect(found).toMatchObject({
      accessKeyId: key.accessKeyId,
      owner: { kind: 'RamUser', userName: 'ci' },
      active: true,
    });
    expect(textOf(found?.secret)).toBe(textOf(key.secret));
    expect(textOf(key.secret)).toMatch(/^[\w-]{43}$/);
  });

  test('is another one each time', async () => {
    const store = new MemoryStore();
    const keys = await Promise.all([createAccessKey(store, forUser), createAccessKey(store, forUser)]);
    expect(new Set(keys.map(({ accessKeyId }) => accessKeyId)).size).toBe(2);
    expect(new Set(keys.map(({ secret }) => textOf(secret))).size).toBe(2);
  });

  test.each(['', 'unknown00000000000', 'x', '../ram/users/ci', `K${'x'.repeat(1000)}`, '__proto__'])(
    'is not found by %j',
    async (accessKeyId) => {
      expect(await findAccessKey(new MemoryStore(), accessKeyId)).toBeUndefined();
    },
  );

  test('is not printed with its secret', async () => {
    const key = await createAccessKey(new MemoryStore(), {
      ...forUser,
      secret: SecretBytes.fromUtf8('canary-canary-canary'),
    });
    expect(JSON.stringify(key)).not.toContain('canary');
  });

  test('can be switched off and on, and deleted', async () => {
    const store = new MemoryStore();
    const { accessKeyId } = await createAccessKey(store, forUser);
    expect(await setAccessKeyActive(store, accessKeyId, false)).toBe(true);
    expect((await findAccessKey(store, accessKeyId))?.active).toBe(false);
    await setAccessKeyActive(store, accessKeyId, true);
    expect((await findAccessKey(store, accessKeyId))?.active).toBe(true);
    await deleteAccessKey(store, accessKeyId, made.now);
    expect(await findAccessKey(store, accessKeyId)).toBeUndefined();
    expect(await setAccessKeyActive(store, accessKeyId, true)).toBe(false);
  });

  test('that was deleted does not come back, not even when its record does', async () => {
    const store = new MemoryStore();
    const { accessKeyId } = await createAccessKey(store, forUser);
    const record = await store.get('ram/access-keys', accessKeyId);
    await deleteAccessKey(store, accessKeyId, made.now);
    await store.transact((transaction) =>
      transaction.put('ram/access-keys', accessKeyId, record?.value ?? Buffer.alloc(0)),
    );
    expect(await findAccessKey(store, accessKeyId)).toBeUndefined();
    const again = createAccessKey(new MemoryStore(), { ...forUser, accessKeyId });
    await expect(again).resolves.toBeDefined();
    await store.transact((transaction) => transaction.delete('ram/access-keys', accessKeyId));
    await expect(createAccessKey(store, { ...forUser, accessKeyId })).rejects.toMatchObject({
      code: 'InvalidParameter',
      message: expect.stringContaining('was deleted') as string,
    });
  });

  test('does not take the id of another one', async () => {
    const store = new MemoryStore();
    const { accessKeyId } = await createAccessKey(store, forUser);
    const again = createAccessKey(store, { ...forUser, accessKeyId });
    await expect(again).rejects.toMatchObject({ code: 'InvalidParameter' });
  });

  test.each([
    { accessKeyId: 'short' },
    { accessKeyId: 'STS.0123456789abcdef' },
    { accessKeyId: 'has/a/slash/00000000' },
    { secret: SecretBytes.fromUtf8('canary-weak') },
  ])('is refused when the given part is weak or ambiguous: %#', async (given) => {
    const refused = createAccessKey(new MemoryStore(), { ...forUser, ...given });
    await expect(refused).rejects.toMatchObject({
      code: 'InvalidParameter',
      message: expect.not.stringContaining('canary') as string,
    });
  });
});

const given = (secret: string) => ({
  ...made,
  given: { accessKeyId: 'ROOT000000000000', secret: SecretBytes.fromUtf8(secret) },
});

describe("the account's access key", () => {
  test('is made at the first start only', async () => {
    const store = new MemoryStore();
    const key = await ensureRootAccessKey(store, made);
    expect((await findAccessKey(store, key?.accessKeyId ?? ''))?.owner).toEqual({ kind: 'Account' });
    expect(await ensureRootAccessKey(store, made)).toBeUndefined();
  });

  test('is not made again once it was deleted', async () => {
    const store = new MemoryStore();
    const key = await ensureRootAccessKey(store, made);
    await deleteAccessKey(store, key?.accessKeyId ?? '', made.now);
    expect(await ensureRootAccessKey(store, made)).toBeUndefined();
  });

  test('may be given, and is then replaced when another secret is given', async () => {
    const store = new MemoryStore();
    expect(await ensureRootAccessKey(store, given('first-secret-0123456789'))).toBeDefined();
    expect(await ensureRootAccessKey(store, given('first-secret-0123456789'))).toBeUndefined();
    expect(await ensureRootAccessKey(store, given('other-secret-0123456789'))).toBeDefined();
    const found = await findAccessKey(store, 'ROOT000000000000');
    expect(textOf(found?.secret)).toBe('other-secret-0123456789');
  });

  test("does not take the id of a user's key", async () => {
    const store = new MemoryStore();
    const secret = SecretBytes.fromUtf8('users-secret-0123456789');
    await createAccessKey(store, { ...forUser, accessKeyId: 'USER000000000000', secret });
    const refused = ensureRootAccessKey(store, { ...made, given: { accessKeyId: 'USER000000000000', secret } });
    await expect(refused).rejects.toMatchObject({ code: 'InvalidParameter' });
    expect((await findAccessKey(store, 'USER000000000000'))?.owner.kind).toBe('RamUser');
  });
});
