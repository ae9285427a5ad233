import { createSecretKey, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SecretBytes } from '../../src/lib/secret-bytes.ts';
import type { RoleSession } from '../../src/policy/principal.ts';
import { openSessionToken, sealSessionToken } from '../../src/sts/session-token.ts';
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
const codeOf = (open: () => unknown): string => {
  try {
    open();
    return 'opened';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
};

describe('a session token', () => {
  test.each([roleSession, full])('gives back the session and the secret that were sealed: %#', (session) => {
    const opened = openSessionToken(seal(session), session.accessKeyId, sessionKey, now);
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
    expect(codeOf(() => openSessionToken(token, 'STS.1', sessionKey, now - 1))).toBe('opened');
    expect(codeOf(() => openSessionToken(token, 'STS.1', sessionKey, now))).toBe('InvalidSecurityToken.Expired');
  });

  test('belongs to its access key', () => {
    expect(codeOf(() => openSessionToken(seal(roleSession), 'STS.2', sessionKey, now))).toBe(
      'InvalidSecurityToken.MismatchWithAccessKey',
    );
  });

  test('is refused when any of its bits is flipped', () => {
    const bytes = Buffer.from(seal(roleSession), 'base64url');
    fc.assert(
      fc.property(fc.nat({ max: bytes.length * 8 - 1 }), (bit) => {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(codeOf(() => openSessionToken(flipped.toString('base64url'), 'STS.1', sessionKey, now))).toBe(
          'InvalidSecurityToken.Malformed',
        );
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
      expect(codeOf(() => openSessionToken(text, 'STS.1', sessionKey, now))).toBe('InvalidSecurityToken.Malformed');
    }
  });

  test('error holds neither token nor secret', () => {
    const token = seal(roleSession);
    for (const open of [
      () => openSessionToken(token, 'STS.2', sessionKey, now),
      () => openSessionToken(`${token}x`, 'STS.1', sessionKey, now),
      () => openSessionToken(token, 'STS.1', sessionKey, roleSession.expiresAt),
    ]) {
      expect(open).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining(token.slice(0, 20)) as string }),
      );
      expect(open).not.toThrow(/canary/);
    }
  });
});
