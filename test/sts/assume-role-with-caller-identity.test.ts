import { beforeEach, describe, expect, test } from 'vitest';
import { callerIdentityNonce } from '../../src/lib/caller-identity.ts';
import { stsTime } from '../../src/sts/issue-session.ts';
import { accountId } from '../support/policy-scene.ts';
import { StsScene } from '../support/sts-scene.ts';

const arn = 'acs:ram::2000:assumed-role/builder/job-7';
const roleArn = `acs:ram::${accountId}:role/shop`;
const shop = {
  name: 'shop',
  roleName: 'shop',
  method: 'RAMRole' as const,
  serviceAccounts: [],
  alibabaCloudRoles: ['acs:ram::2000:role/builder'],
};

let sts: StsScene;
let salts = 0;

beforeEach(() => {
  sts = new StsScene();
  sts.accessPoints.push(shop);
  // An STS that believes everybody: what it is asked is what this side decides.
  sts.identify = () => Promise.resolve({ arn, accountId: '2000', roleName: 'builder' });
});

const proof = (changes: object = {}): Record<string, string> => {
  salts += 1;
  return {
    RoleArn: roleArn,
    RoleSessionName: 'from-cloud',
    CallerAccessKeyId: 'STS.abc',
    CallerSecurityToken: 'token',
    CallerDate: stsTime(sts.clock.now()),
    CallerSalt: salts.toString(16).padStart(32, '0'),
    CallerSignature: 'ab'.repeat(32),
    ...changes,
  };
};
const assume = (input: object) => sts.call('AssumeRoleWithCallerIdentity', input);

describe('AssumeRoleWithCallerIdentity', () => {
  test('gives a session that names the access point and who stands behind it', async () => {
    const { session } = sts.open(await assume(proof({ DurationSeconds: '900' })));
    expect(session).toMatchObject({ accessPoint: 'shop', callerIdentity: arn, sessionName: 'from-cloud' });
    expect(session.expiresAt).toBe(sts.clock.now() + 900_000);
  });

  test('asks with the nonce of its own audience and of the role that is asked for', async () => {
    const input = proof();
    await assume(input);
    const nonce = callerIdentityNonce({ audience: 'kaap', roleArn }, input['CallerSalt'] ?? '');
    expect(sts.proofs).toEqual([expect.objectContaining({ nonce, accessKeyId: 'STS.abc', date: input['CallerDate'] })]);
    for (const other of [
      { audience: 'kaap2', roleArn },
      { audience: 'kaap', roleArn: `${roleArn}2` },
    ]) {
      expect(callerIdentityNonce(other, input['CallerSalt'] ?? '')).not.toBe(nonce);
    }
  });

  test('C6: counts a proof once, even where the STS would count it twice', async () => {
    const input = proof();
    const answers = await Promise.allSettled([assume(input), assume(input), assume(input)]);
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await expect(assume(input)).rejects.toMatchObject({ code: 'SignatureNonceUsed' });
    expect(await assume(proof())).toHaveProperty('Credentials');
  });

  test('C6: a proof that the STS refuses uses nothing up', async () => {
    const input = proof();
    const believe = sts.identify;
    sts.identify = () => Promise.reject(new Error('refused'));
    await expect(assume(input)).rejects.toThrow('refused');
    sts.identify = believe;
    expect(await assume(input)).toHaveProperty('Credentials');
  });

  test.each([-300_001, 300_001])('C6: is not asked about a proof whose date is off by %i ms', async (offMs) => {
    const CallerDate = stsTime(sts.clock.now() + offMs - (offMs < 0 ? 1000 : -1000));
    await expect(assume(proof({ CallerDate }))).rejects.toMatchObject({
      code: 'AuthenticationFail.CallerIdentity.Expired',
    });
    expect(sts.proofs).toEqual([]);
  });

  test.each([
    ['another account', ['acs:ram::2001:role/builder']],
    ['another name', ['acs:ram::2000:role/builder2', 'acs:ram::2000:role/Builder']],
    ['a wildcard', ['acs:ram::2000:role/*', 'acs:ram::*:role/builder', '*']],
    ['the session', [arn]],
    ['nobody', []],
  ])('C7: an access point that lists %s admits nobody else', async (_, alibabaCloudRoles) => {
    sts.accessPoints.splice(0, 1, { ...shop, alibabaCloudRoles });
    await expect(assume(proof())).rejects.toMatchObject({ code: 'AuthenticationFail.NoPermission' });
  });

  test('C7: two access points with one role name that list the caller do not say which is meant', async () => {
    sts.accessPoints.push({ ...shop, name: 'shop2' });
    await expect(assume(proof())).rejects.toMatchObject({ code: 'AuthenticationFail.NoPermission' });
  });

  test('an access point that trusts service accounts is not entered so', async () => {
    sts.accessPoints.splice(0, 1, {
      name: 'shop',
      roleName: 'shop',
      method: 'RAMRole',
      serviceAccounts: [{ namespace: 'shop', name: 'web' }],
    });
    await expect(assume(proof())).rejects.toMatchObject({ code: 'AuthenticationFail.NoPermission' });
  });
});
