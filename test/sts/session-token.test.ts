import { createSecretKey, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SecretBytes } from '../../src/lib/secret-bytes.ts';
import type { RoleSession } from '../../src/policy/principal.ts';
import { createSessionOpener, sealSessionToken } from '../../src/sts/session-token.ts';
import { podSession, roleSession } from '../support/policy-scene.ts';

const sessionKey = createSecretKey(randomBytes(32));
const now = Date.UTC(2026, 5, 1);
const full: RoleSession = {
  ...podSession,
  roleId: 'r1',
  sessionPolicy: '{"Version":"1"}',
  serviceAccount: { provider: 'kubernetes', namespace: 'shop', name: 'web', uid: 'u', podName: 'web-1', podUid: 'p' },
};
const seal = (session: RoleSession): string =>
  sealSessionToken({ session, secret: SecretBytes.fromUtf8('canary-secret') }, sessionKey, randomBytes);
/** Has opened whatever the tests before opened, as the opener of a process has. */
const open = createSessionOpener(sessionKey);
const codeOf = (work: () => unknown): string => {
  try {
    work();
    return 'opened';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
};

describe('a session token', () => {
  test.each([roleSession, full])('gives back the session and the secret that were sealed: %#', (session) => {
    const opened = open(seal(session), session.accessKeyId, now);
    expect(opened.session).toEqual(session);
    expect(opened.secret.reveal().toString()).toBe('canary-secret');
  });

  test('shows nothing of the secret or the session to its bearer', () => {
    const bytes = Buffer.from(seal(full), 'base64url').toString('latin1');
    expect(bytes).not.toMatch(/canary|shop|STS/);
  });

  test('is another one each time', () => {
    expect(seal(full)).not.toBe(seal(full));
  });

  test('D7: ends at its expiry, to the millisecond', () => {
    const session = { ...roleSession, expiresAt: now };
    const token = seal(session);
    expect(codeOf(() => open(token, 'STS.1', now - 1))).toBe('opened');
    expect(codeOf(() => open(token, 'STS.1', now))).toBe('InvalidSecurityToken.Expired');
  });

  test('belongs to its access key', () => {
    expect(codeOf(() => open(seal(roleSession), 'STS.2', now))).toBe('InvalidSecurityToken.MismatchWithAccessKey');
  });

  test('belongs to its access key, also when it was opened with it before', () => {
    const token = seal(roleSession);
    expect(codeOf(() => open(token, 'STS.1', now))).toBe('opened');
    expect(codeOf(() => open(token, 'STS.2', now))).toBe('InvalidSecurityToken.MismatchWithAccessKey');
  });

  test('gives a session that nobody can change for those who open it later', () => {
    const { session } = open(seal(full), full.accessKeyId, now);
    expect(() => Object.assign(session, { roleName: 'admin' })).toThrow(TypeError);
    expect(() => Object.assign(session.serviceAccount ?? {}, { namespace: 'kube-system' })).toThrow(TypeError);
  });

  test('is refused when any of its bits is flipped, also when it was opened as it was', () => {
    const bytes = Buffer.from(seal(roleSession), 'base64url');
    open(bytes.toString('base64url'), 'STS.1', now);
    fc.assert(
      fc.property(fc.nat({ max: bytes.length * 8 - 1 }), (bit) => {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(codeOf(() => open(flipped.toString('base64url'), 'STS.1', now))).toBe('InvalidSecurityToken.Malformed');
      }),
    );
  });

  test('is refused when it is cut, long, empty, in another spelling, or of another key', () => {
    const token = seal(roleSession);
    const wrong = [
      '',
      token.slice(0, -1),
      token.slice(0, 40),
      `${token}A`,
      `${token}=`,
      ` ${token}`,
      'A'.repeat(100_000),
      Buffer.from(token, 'base64url').toString('base64'),
      sealSessionToken(
        { session: roleSession, secret: SecretBytes.fromUtf8('s') },
        createSecretKey(randomBytes(32)),
        randomBytes,
      ),
    ].filter((text) => text !== token);
    for (const text of wrong) {
      expect(codeOf(() => open(text, 'STS.1', now))).toBe('InvalidSecurityToken.Malformed');
    }
  });

  test('error holds neither token nor secret', () => {
    const token = seal(roleSession);
    for (const work of [
      () => open(token, 'STS.2', now),
      () => open(`${token}x`, 'STS.1', now),
      () => open(token, 'STS.1', roleSession.expiresAt),
    ]) {
      expect(work).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining(token.slice(0, 20)) as string }),
      );
      expect(work).not.toThrow(/canary/);
    }
  });
});
