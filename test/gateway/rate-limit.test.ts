import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { RateLimiter } from '../../src/gateway/rate-limit.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { isApiError } from '../../src/lib/errors.ts';
import type { Principal } from '../../src/policy/principal.ts';
import { sendRaw, signedRequest, startTestGateway } from '../support/test-gateway.ts';

const user = (userName: string): Principal => ({ kind: 'RamUser', accountId: '1', userName, accessKeyId: userName });
const nobody: Principal = { kind: 'Anonymous' };

function admitted(limiter: RateLimiter, principal: Principal, sourceIp = '192.0.2.1'): boolean {
  try {
    limiter.admit(principal, sourceIp);
    return true;
  } catch (error) {
    if (isApiError(error, 'Rejected.Throttling')) return false;
    throw error;
  }
}

function run(limiter: RateLimiter, principal: Principal, times: number, sourceIp?: string): number {
  return Array.from({ length: times }, () => admitted(limiter, principal, sourceIp)).filter(Boolean).length;
}

describe('RateLimiter', () => {
  it('I2: stops a caller who asks too often, and nobody else', () => {
    const limiter = new RateLimiter({ callerPerSecond: 5, anonymousPerSecond: 1 }, new ManualClock());
    expect(run(limiter, user('greedy'), 100)).toBe(10);
    expect(run(limiter, user('modest'), 3)).toBe(3);
  });

  it('lets a caller go on as time passes, at the rate', () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter({ callerPerSecond: 5, anonymousPerSecond: 1 }, clock);
    run(limiter, user('greedy'), 100);
    clock.advance(1000);
    expect(run(limiter, user('greedy'), 100)).toBe(5);
  });

  it('tells pods of one service account apart', () => {
    const limiter = new RateLimiter({ callerPerSecond: 1, anonymousPerSecond: 0 }, new ManualClock());
    const pod = (podUid: string): Principal => ({
      kind: 'RoleSession',
      accountId: '1',
      roleName: 'shop',
      sessionName: 'shop.shop',
      accessKeyId: 'STS.1',
      expiresAt: 0,
      serviceAccount: { provider: 'kubernetes', namespace: 'shop', name: 'shop', podUid },
    });
    expect(run(limiter, pod('a'), 9)).toBe(2);
    expect(run(limiter, pod('b'), 9)).toBe(2);
  });

  it('counts calls without a signature by their source address', () => {
    const limiter = new RateLimiter({ callerPerSecond: 0, anonymousPerSecond: 2 }, new ManualClock());
    expect(run(limiter, nobody, 9, '192.0.2.1')).toBe(4);
    expect(run(limiter, nobody, 9, '192.0.2.2')).toBe(4);
    expect(run(limiter, user('signed'), 99)).toBe(99);
  });

  it('never admits more than the burst and the rate over the time that passed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.array(fc.nat(700), { maxLength: 200 }), (rate, pauses) => {
        const clock = new ManualClock();
        const limiter = new RateLimiter({ callerPerSecond: rate, anonymousPerSecond: 0 }, clock);
        let count = 0;
        for (const pause of pauses) {
          clock.advance(pause);
          if (admitted(limiter, user('a'))) count += 1;
        }
        const seconds = pauses.slice(1).reduce((sum, pause) => sum + pause, 0) / 1000;
        expect(count).toBeLessThanOrEqual(rate * (2 + seconds) + 1e-6);
      }),
    );
  });

  test('the gateway answers Rejected.Throttling with status 429, and the audit log has it', async () => {
    const gateway = await startTestGateway({ rateLimits: { callerPerSecond: 1, anonymousPerSecond: 1 } });
    const call = { action: 'DescribeKey', body: 'KeyId=k1' };
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await sendRaw(gateway, signedRequest(gateway, call))).status);
    const others = await sendRaw(gateway, signedRequest(gateway, { ...call, accessKeyId: 'nobody' }));
    await gateway.close();
    expect(statuses).toEqual([200, 200, 429]);
    expect(others.status).toBe(403);
    expect(gateway.audit.events.map(({ outcome }) => outcome)).toContain('Rejected.Throttling');
  });
});
