import { UnsecuredJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../src/lib/clock.ts';
import type { ReviewToken, TokenReviewSpec, TokenReviewStatus } from '../../../src/ports/token-review.ts';
import { createTokenReviewVerifier } from '../../../src/sts/oidc/token-review-verifier.ts';

const start = Date.UTC(2026, 0, 1);
const audience = 'kaap.dev/access-point/shop';
const subject = 'system:serviceaccount:shop:web';
const claims = { iss: 'https://cluster', sub: subject, aud: [audience], iat: start / 1000, exp: start / 1000 + 600 };
const tokenOf = (change: object = {}): string => new UnsecuredJWT({ ...claims, ...change }).encode();
const invalid = 'AuthenticationFail.OIDCToken.Invalid';

const yes: TokenReviewStatus = {
  authenticated: true,
  audiences: [audience],
  user: {
    username: subject,
    uid: 'u1',
    extra: {
      'authentication.kubernetes.io/pod-name': ['web-1'],
      'authentication.kubernetes.io/pod-uid': ['p1'],
    },
  },
};

/** A verifier whose API server answers as `reviewToken` says, with the reviews it was asked for. */
function scene(reviewToken: ReviewToken = () => Promise.resolve(yes), cacheMs?: number) {
  const asked: TokenReviewSpec[] = [];
  const clock = new ManualClock(start);
  const verifier = createTokenReviewVerifier({
    provider: 'kubernetes',
    clock,
    reviewToken: (spec, signal) => {
      asked.push(spec);
      return reviewToken(spec, signal);
    },
    ...(cacheMs === undefined ? {} : { cacheMs }),
  });
  const verify = (token = tokenOf(), wanted = audience) => verifier.verify(token, wanted, new AbortController().signal);
  return { asked, clock, verify };
}

describe('a token under review', () => {
  test('is accepted when the API server says yes for the audience, and tells its pod', async () => {
    const { asked, verify } = scene();
    const token = tokenOf();
    expect(await verify(token)).toEqual({
      issuer: 'https://cluster',
      subject,
      audiences: [audience],
      issuedAt: start,
      expiresAt: start + 600_000,
      serviceAccount: {
        provider: 'kubernetes',
        namespace: 'shop',
        name: 'web',
        uid: 'u1',
        podName: 'web-1',
        podUid: 'p1',
      },
    });
    expect(asked).toEqual([{ token, audiences: [audience] }]);
  });

  test.each([
    ['C3: is not authenticated any more', { ...yes, authenticated: false }],
    ['C4: is answered with nothing', {}],
    ['C4: is authenticated by a text', { ...yes, authenticated: 'true' as unknown as boolean }],
    ['C1: is for another audience', { ...yes, audiences: ['https://kubernetes.default.svc'] }],
    ['C1: is for no audience', { ...yes, audiences: [] }],
    ['C1: is answered by a server that knows no audiences', { authenticated: true, user: yes.user ?? {} }],
    ['has no user', { authenticated: true, audiences: [audience] }],
    ['has another user than it says', { ...yes, user: { username: 'system:serviceaccount:shop:admin' } }],
  ])('is refused when it %s', async (_title, status) => {
    await expect(scene(() => Promise.resolve(status)).verify()).rejects.toMatchObject({ code: invalid });
  });

  test.each([
    ['the connection is refused', new Error('connect ECONNREFUSED canary-token')],
    ['the certificate is not trusted', new Error('self-signed certificate')],
    ['the time is over', new DOMException('timeout', 'TimeoutError')],
  ])('C4: is refused when %s, and nothing of the error is passed on', async (_title, failure) => {
    const error: unknown = await scene(() => Promise.reject(failure))
      .verify()
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'ServiceUnavailableTemporary', retryable: true });
    expect((error as Error).message).not.toContain('canary');
    expect((error as Error).cause).toBeUndefined();
  });

  test('C2: is not even reviewed when it is huge', async () => {
    const { asked, verify } = scene();
    await expect(verify('x'.repeat(16_385))).rejects.toMatchObject({ code: invalid });
    expect(asked).toEqual([]);
  });

  test('C1: is not reviewed for an empty audience, which the API server would take for its own', async () => {
    const { asked, verify } = scene();
    await expect(verify(tokenOf(), '')).rejects.toMatchObject({ code: invalid });
    expect(asked).toEqual([]);
  });

  test('is refused when it is no JWT, or one without times', async () => {
    await expect(scene().verify('opaque')).rejects.toMatchObject({ code: invalid });
    await expect(scene().verify(tokenOf({ exp: undefined }))).rejects.toMatchObject({ code: invalid });
  });

  test('D7: is refused at its expiry although the API server still said yes', async () => {
    const { clock, verify } = scene();
    clock.advance(600_000);
    await expect(verify()).rejects.toMatchObject({ code: 'AuthenticationFail.OIDCToken.Expired' });
  });

  test('of something else than a service account has none', async () => {
    const status = { ...yes, user: { username: 'alice' } };
    const verified = await scene(() => Promise.resolve(status)).verify(tokenOf({ sub: 'alice' }));
    expect(verified.serviceAccount).toBeUndefined();
  });

  test('is reviewed again each time', async () => {
    const { asked, verify } = scene();
    await verify();
    await verify();
    expect(asked).toHaveLength(2);
  });
});

describe('a remembered review', () => {
  test('is good for its time, its token and its audience only', async () => {
    const { asked, clock, verify } = scene(({ audiences }) => Promise.resolve({ ...yes, audiences }), 2000);
    const token = tokenOf();
    await verify(token);
    clock.advance(1999);
    await verify(token);
    expect(asked).toHaveLength(1);
    await verify(token, 'kaap.dev/operator');
    await verify(tokenOf({ jti: '2' }));
    expect(asked).toHaveLength(3);
    clock.advance(1);
    await verify(token);
    expect(asked).toHaveLength(4);
  });

  test('C3: is kept for five seconds at most, whatever is asked', async () => {
    const { asked, clock, verify } = scene(undefined, 3_600_000);
    await verify();
    clock.advance(5000);
    await verify();
    expect(asked).toHaveLength(2);
  });

  test('D7: is not prolonged by a clock that is stepped back, nor beyond the token’s end', async () => {
    const { asked, clock, verify } = scene(undefined, 5000);
    await verify();
    clock.advance(4000);
    clock.stepWallClockTo(start - 3_600_000);
    clock.advance(1000);
    await verify();
    expect(asked).toHaveLength(2);
    clock.stepWallClockTo(start + 600_000);
    await expect(verify()).rejects.toMatchObject({ code: 'AuthenticationFail.OIDCToken.Expired' });
  });

  test('is never a refusal', async () => {
    let status: TokenReviewStatus = { authenticated: false };
    const { verify } = scene(() => Promise.resolve(status), 5000);
    await expect(verify()).rejects.toMatchObject({ code: invalid });
    status = yes;
    expect((await verify()).subject).toBe(subject);
  });
});
