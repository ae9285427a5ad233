import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { createCredentialSource } from '../../src/gateway/credential-source.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { SecretBytes } from '../../src/lib/secret-bytes.ts';
import type { ClientKeyEntry } from '../../src/ports/access-point-directory.ts';
import type { CredentialSource } from '../../src/ports/identity.ts';
import type { Seal } from '../../src/ports/seal.ts';
import { createAccessKey, setAccessKeyActive, type AccessKeyOwner } from '../../src/ram/access-keys.ts';
import { openBarrier } from '../../src/storage/barrier.ts';
import { MemoryStore } from '../../src/storage/memory-store.ts';
import { sealSessionToken } from '../../src/sts/session-token.ts';
import { accountId, podSession } from '../support/policy-scene.ts';

const sessionKey = createSecretKey(randomBytes(32));
const start = Date.UTC(2026, 0, 1);
const session = { ...podSession, expiresAt: start + 3_600_000 };
const token = sealSessionToken({ session, secret: SecretBytes.fromUtf8('session-secret') }, sessionKey, randomBytes);
const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const clientKey: ClientKeyEntry = {
  clientKeyId: 'KAAP.1',
  accessPoint: 'shop',
  publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }),
  notBefore: 1,
  notAfter: 2,
};

let store: MemoryStore;
let clock: ManualClock;
let source: CredentialSource;

beforeEach(() => {
  store = new MemoryStore();
  clock = new ManualClock(start);
  source = createCredentialSource({
    store,
    accountId,
    sessionKey,
    clock,
    findClientKey: (id) => Promise.resolve(id === clientKey.clientKeyId ? clientKey : undefined),
  });
});

const noClientKey = (): Promise<undefined> => Promise.resolve(undefined);

const seal: Seal = {
  kind: 'plain',
  wrap: (rootKey) => Promise.resolve(Buffer.from(rootKey)),
  unwrap: (wrapped) => Promise.resolve(Buffer.from(wrapped)),
};

const keyOf = (owner: AccessKeyOwner) => createAccessKey(store, { owner, now: start, random: randomBytes });

describe('a credential', () => {
  test.each([
    [{ kind: 'Account' } as const, { kind: 'Account', accountId }],
    [{ kind: 'RamUser', userName: 'ci' } as const, { kind: 'RamUser', accountId, userName: 'ci' }],
  ])('of an access key is its owner: %#', async (owner, principal) => {
    const { accessKeyId, secret } = await keyOf(owner);
    const found = await source.find(accessKeyId, undefined);
    expect(found).toMatchObject({
      kind: 'AccessKey',
      accessKeyId,
      active: true,
      principal: { ...principal, accessKeyId },
    });
    expect(found?.kind === 'AccessKey' && found.secret.reveal().equals(secret.reveal())).toBe(true);
  });

  test('of an access key that is switched off says so, at once', async () => {
    const { accessKeyId } = await keyOf({ kind: 'Account' });
    await source.find(accessKeyId, undefined);
    await setAccessKeyActive(store, accessKeyId, false);
    expect(await source.find(accessKeyId, undefined)).toMatchObject({ active: false });
  });

  test('of an access key is recalled with the very secret that was found, until it is found changed', async () => {
    const barrier = await openBarrier(store, seal, { createIfMissing: true });
    source = createCredentialSource({ store: barrier, accountId, sessionKey, clock, findClientKey: noClientKey });
    const { accessKeyId } = await createAccessKey(barrier, {
      owner: { kind: 'Account' },
      now: start,
      random: randomBytes,
    });
    expect(source.recall?.(accessKeyId)).toBeUndefined();
    const found = await source.find(accessKeyId, undefined);
    expect(source.recall?.(accessKeyId)).toEqual(found);
    expect(source.recall?.(accessKeyId)?.secret).toBe(found?.kind === 'AccessKey' && found.secret);
    await setAccessKeyActive(barrier, accessKeyId, false);
    const changed = await source.find(accessKeyId, undefined);
    expect(changed?.kind === 'AccessKey' && changed.secret).not.toBe(found?.kind === 'AccessKey' && found.secret);
    await source.find('STS.1', token);
    expect(source.recall?.('STS.1')).toBeUndefined();
  });

  test('of a session is in its token', async () => {
    const found = await source.find('STS.1', token);
    expect(found).toMatchObject({ kind: 'AccessKey', accessKeyId: 'STS.1', active: true, principal: session });
  });

  test('of a client key is its access point, public key and validity', async () => {
    const found = await source.find('KAAP.1', undefined);
    expect(found).toMatchObject({
      kind: 'ClientKey',
      accessKeyId: 'KAAP.1',
      notBefore: 1,
      notAfter: 2,
      principal: { kind: 'ClientKey', accountId, accessPoint: 'shop', accessKeyId: 'KAAP.1' },
    });
    expect(found?.kind === 'ClientKey' && found.publicKey.equals(publicKey)).toBe(true);
  });

  test.each(['', 'unknown00000000000', 'KAAP.2', 'kaap.1', 'sts.1'])('of %j is none', async (accessKeyId) => {
    expect(await source.find(accessKeyId, undefined)).toBeUndefined();
  });

  test.each([
    ['STS.1', undefined, 'MissingSecurityToken'],
    ['STS.1', '', 'MissingSecurityToken'],
    ['STS.1', 'canary-token', 'InvalidSecurityToken.Malformed'],
    ['STS.2', token, 'InvalidSecurityToken.MismatchWithAccessKey'],
    ['KAAP.1', token, 'InvalidSecurityToken.MismatchWithAccessKey'],
    ['unknown00000000000', token, 'InvalidSecurityToken.MismatchWithAccessKey'],
  ])('of %j with another token is refused: %#', async (accessKeyId, securityToken, code) => {
    const error: unknown = await source.find(accessKeyId, securityToken).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).not.toMatch(/canary/);
  });

  test('D7: of a session ends with it, and does not come back when the clock is stepped back', async () => {
    clock.stepWallClockTo(session.expiresAt - 1);
    expect(await source.find('STS.1', token)).toBeDefined();
    clock.stepWallClockTo(session.expiresAt);
    await expect(source.find('STS.1', token)).rejects.toMatchObject({ code: 'InvalidSecurityToken.Expired' });
    clock.stepWallClockTo(start);
    await expect(source.find('STS.1', token)).rejects.toMatchObject({ code: 'InvalidSecurityToken.Expired' });
  });
});
