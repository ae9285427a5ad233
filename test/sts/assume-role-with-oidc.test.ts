import { beforeEach, describe, expect, test } from 'vitest';
import { accessPointAudience, clientKeyRoleName } from '../../src/ports/access-point-directory.ts';
import type { VerifiedToken } from '../../src/ports/identity.ts';
import { oidcTrustDocument } from '../../src/ram/trust-documents.ts';
import { accountId, documentOf } from '../support/policy-scene.ts';
import { StsScene, tokenFor } from '../support/sts-scene.ts';

const provider = `acs:ram::${accountId}:oidc-provider/kubernetes`;
const shopToken = tokenFor(accessPointAudience('shop'));
const forShop = {
  OIDCProviderArn: provider,
  OIDCToken: shopToken,
  RoleArn: `acs:ram::${accountId}:role/shop-role`,
  RoleSessionName: 'web-1',
};
const web = { namespace: 'shop', name: 'web' };
const shop = { name: 'shop', roleName: 'shop-role', method: 'RAMRole' as const, serviceAccounts: [web] };
const ciRole = {
  name: 'ci',
  roleId: 'r-ci',
  maxSessionSeconds: 7200,
  trustPolicy: oidcTrustDocument({ providerArn: provider, audience: 'ci', subject: 'system:serviceaccount:shop:web' }),
};
const forCi = { ...forShop, OIDCToken: tokenFor('ci'), RoleArn: `acs:ram::${accountId}:role/ci` };
const notAdmitted = { code: 'AuthenticationFail.NoPermission' };

let sts: StsScene;
const assume = (input: object) => sts.call('AssumeRoleWithOIDC', input);

beforeEach(() => {
  sts = new StsScene();
  sts.accessPoints.push(shop);
  sts.roles.push(ciRole);
});

describe('AssumeRoleWithOIDC', () => {
  test('is the one action that nobody signs', () => {
    expect(sts.action('AssumeRoleWithOIDC').anonymous).toBe(true);
    expect(sts.action('AssumeRole').anonymous).toBeUndefined();
    expect(sts.action('GetCallerIdentity').anonymous).toBeUndefined();
  });

  test('answers in the shape of STS', async () => {
    expect(await assume(forShop)).toEqual({
      Credentials: {
        AccessKeyId: expect.stringMatching(/^STS\.[0-9a-f]{30}$/) as string,
        AccessKeySecret: expect.stringMatching(/^[\w-]{43}$/) as string,
        SecurityToken: expect.stringMatching(/^[\w-]{200,}$/) as string,
        Expiration: '2026-01-01T01:00:00Z',
      },
      AssumedRoleUser: { Arn: `acs:ram::${accountId}:role/shop-role/web-1`, AssumedRoleId: 'shop:web-1' },
      OIDCTokenInfo: {
        ClientIds: 'kaap.dev/access-point/shop',
        ExpirationTime: '2026-01-01T00:10:00Z',
        IssuanceTime: '2026-01-01T00:00:00Z',
        Issuer: 'https://issuer',
        Subject: 'system:serviceaccount:shop:web',
        VerificationInfo: 'Success',
      },
    });
  });

  test('gives a session that names the access point and the pod, and lasts as asked', async () => {
    const answer = await assume({ ...forShop, DurationSeconds: '900' });
    const { session, secret } = sts.open(answer);
    expect(session).toEqual({
      kind: 'RoleSession',
      accountId,
      roleName: 'shop-role',
      sessionName: 'web-1',
      accessKeyId: answer.Credentials.AccessKeyId,
      expiresAt: sts.clock.now() + 900_000,
      accessPoint: 'shop',
      serviceAccount: { provider: 'kubernetes', ...web, uid: 'u1', podName: 'web-1', podUid: 'p1' },
    });
    expect(secret.reveal().toString()).toBe(answer.Credentials.AccessKeySecret);
  });

  test('never gives the same key twice', async () => {
    const [one, other] = await Promise.all([assume(forShop), assume(forShop)]);
    expect(one.Credentials.AccessKeyId).not.toBe(other.Credentials.AccessKeyId);
    expect(one.Credentials.AccessKeySecret).not.toBe(other.Credentials.AccessKeySecret);
  });

  test('keeps a session policy in the session', async () => {
    const Policy = documentOf({ Effect: 'Allow', Action: 'kms:GetSecretValue', Resource: '*' });
    expect(sts.open(await assume({ ...forShop, Policy })).session.sessionPolicy).toBe(Policy);
  });
});

describe('a pod', () => {
  test('C1: without the audience of the access point does not enter, and its token is not even looked at', async () => {
    for (const audience of [
      'https://kubernetes.default.svc',
      accessPointAudience('bank'),
      'kaap.dev/access-point/',
      '',
    ]) {
      await expect(assume({ ...forShop, OIDCToken: tokenFor(audience) })).rejects.toMatchObject(notAdmitted);
    }
    expect(sts.verified).toEqual([]);
  });

  test('C1: is verified for the audience of the access point', async () => {
    await assume({ ...forShop, OIDCToken: tokenFor(['something else', accessPointAudience('shop')]) });
    expect(sts.verified).toEqual([accessPointAudience('shop')]);
  });

  test('C1: does not enter when the verifier does not vouch for that audience', async () => {
    sts.answer = (token) => ({ ...token, audiences: ['https://kubernetes.default.svc'] });
    await expect(assume(forShop)).rejects.toMatchObject(notAdmitted);
  });

  test.each([
    'system:serviceaccount:shop:web2',
    'system:serviceaccount:bank:web',
    'system:serviceaccount:shop:we',
    'system:node:n1',
  ])('B4: of another service account does not enter: %s', async (subject) => {
    const OIDCToken = tokenFor(accessPointAudience('shop'), subject);
    await expect(assume({ ...forShop, OIDCToken })).rejects.toMatchObject(notAdmitted);
  });

  test('without a service account does not enter', async () => {
    sts.answer = ({ serviceAccount: _omitted, ...token }) => token;
    await expect(assume(forShop)).rejects.toMatchObject(notAdmitted);
  });

  test('of another cluster does not enter where the access point names the provider', async () => {
    sts.accessPoints[0] = { ...shop, serviceAccounts: [{ ...web, provider: 'kubernetes' }] };
    const elsewhere = { ...forShop, OIDCProviderArn: `acs:ram::${accountId}:oidc-provider/other` };
    await expect(assume(elsewhere)).rejects.toMatchObject(notAdmitted);
    expect((await assume(forShop)).Credentials.AccessKeyId).toMatch(/^STS\./);
  });

  test('with a token for two access points of the same role does not enter either', async () => {
    sts.accessPoints.push({ ...shop, name: 'shop2' });
    const OIDCToken = tokenFor([accessPointAudience('shop'), accessPointAudience('shop2')]);
    await expect(assume({ ...forShop, OIDCToken })).rejects.toMatchObject(notAdmitted);
    expect(
      sts.open(await assume({ ...forShop, OIDCToken: tokenFor(accessPointAudience('shop2')) })).session.accessPoint,
    ).toBe('shop2');
  });

  test('enters an access point of client keys by its implied role', async () => {
    const roleName = clientKeyRoleName('vault');
    sts.accessPoints.push({ ...shop, name: 'vault', roleName, method: 'ClientKey' });
    const answer = await assume({
      ...forShop,
      OIDCToken: tokenFor(accessPointAudience('vault')),
      RoleArn: `acs:ram::${accountId}:role/${roleName}`,
    });
    expect(sts.open(answer).session).toMatchObject({ roleName: 'kaap-client-key-vault', accessPoint: 'vault' });
  });

  test('has a session of an hour at most', async () => {
    await expect(assume({ ...forShop, DurationSeconds: '3601' })).rejects.toMatchObject({
      code: 'InvalidParameter.DurationSeconds',
    });
  });

  test.each(['AuthenticationFail.OIDCToken.Expired', 'ServiceUnavailableTemporary'] as const)(
    'C4: gets no session when the verifier answers %s',
    async (code) => {
      sts.answer = () => Promise.reject(Object.assign(new Error('no'), { code }));
      await expect(assume(forShop)).rejects.toMatchObject({ code });
    },
  );
});

describe('a role of RAM', () => {
  test('is assumed when its trust policy trusts the token', async () => {
    const { session } = sts.open(await assume({ ...forCi, DurationSeconds: '7200' }));
    expect(session).toMatchObject({ roleName: 'ci', roleId: 'r-ci', expiresAt: sts.clock.now() + 7_200_000 });
    expect(session.accessPoint).toBeUndefined();
    expect(sts.verified).toEqual(['ci']);
  });

  test.each([
    ['C1: another audience', { OIDCToken: tokenFor('other') }],
    ['another subject', { OIDCToken: tokenFor('ci', 'system:serviceaccount:shop:other') }],
    ['another provider', { OIDCProviderArn: `acs:ram::${accountId}:oidc-provider/other` }],
    ['a role that does not exist', { RoleArn: `acs:ram::${accountId}:role/none` }],
  ])('is not assumed with %s, and all of these give the same answer', async (_title, change) => {
    const error: unknown = await assume({ ...forCi, ...change }).catch((caught: unknown) => caught);
    const unknownRole: unknown = await assume({ ...forCi, RoleArn: `acs:ram::${accountId}:role/none` }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject(notAdmitted);
    expect((error as Error).message).toBe((unknownRole as Error).message);
  });

  test('is not assumed with tokens when its trust policy names no audience', async () => {
    const trustPolicy = documentOf({
      Effect: 'Allow',
      Action: 'sts:AssumeRole',
      Principal: { Federated: provider },
      Condition: { StringEquals: { 'oidc:sub': 'system:serviceaccount:shop:web' } },
    });
    sts.roles[0] = { ...ciRole, trustPolicy };
    await expect(assume(forCi)).rejects.toMatchObject(notAdmitted);
  });

  test('lasts as long as the role allows and no longer', async () => {
    await expect(assume({ ...forCi, DurationSeconds: '7201' })).rejects.toMatchObject({
      code: 'InvalidParameter.DurationSeconds',
    });
  });
});

describe('a request that is malformed', () => {
  test.each([
    [{ RoleArn: `acs:ram::${accountId}:assumed-role/shop-role/x` }, 'InvalidParameter.RoleArn'],
    [{ RoleArn: `acs:ram::${accountId}:role/*` }, 'InvalidParameter.RoleArn'],
    [{ RoleArn: 'acs:ram::*:role/shop-role' }, 'InvalidParameter.RoleArn'],
    [{ RoleArn: 'acs:ram::2000:role/shop-role' }, 'InvalidParameter.RoleArn'],
    [{ RoleSessionName: 'a/b' }, 'InvalidParameter.RoleSessionName'],
    [{ RoleSessionName: 'a*' }, 'InvalidParameter.RoleSessionName'],
    [{ RoleSessionName: 'a' }, 'InvalidParameter.RoleSessionName'],
    [{ RoleSessionName: 'a\nb' }, 'InvalidParameter.RoleSessionName'],
    [{ RoleSessionName: 'x'.repeat(65) }, 'InvalidParameter.RoleSessionName'],
    [{ DurationSeconds: '899' }, 'InvalidParameter.DurationSeconds'],
    [{ DurationSeconds: '1e3' }, 'InvalidParameter.DurationSeconds'],
    [{ DurationSeconds: '-900' }, 'InvalidParameter.DurationSeconds'],
    [{ DurationSeconds: '43201' }, 'InvalidParameter.DurationSeconds'],
    [{ Policy: '{' }, 'InvalidParameter.PolicyGrammar'],
    [{ Policy: ' '.repeat(2049) }, 'InvalidParameter.PolicySize'],
    [{ OIDCProviderArn: 'acs:ram::2000:oidc-provider/kubernetes' }, 'InvalidParameter.OIDCProviderArn'],
    [{ OIDCProviderArn: 'kubernetes' }, 'InvalidParameter.OIDCProviderArn'],
    [{ OIDCProviderArn: `acs:ram::${accountId}:oidc-provider/none` }, 'EntityNotExist.OIDCProvider'],
    [{ OIDCToken: 'canary' }, 'AuthenticationFail.OIDCToken.Invalid'],
    [{ OIDCToken: 'canary.canary.canary' }, 'AuthenticationFail.OIDCToken.Invalid'],
    [{ OIDCToken: `${shopToken}${'x'.repeat(16_384)}` }, 'AuthenticationFail.OIDCToken.Invalid'],
  ])('C2, C7: is refused: %#', async (change, code) => {
    const error: unknown = await assume({ ...forShop, ...change }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).not.toContain('canary');
    expect(sts.verified).toEqual([]);
  });
});

describe('B5: a service account that was made again under its name', () => {
  const recreated = (token: VerifiedToken): VerifiedToken => ({
    ...token,
    serviceAccount: { provider: 'kubernetes', ...web, uid: 'recreated' },
  });

  test('is refused by the access point, with the answer that everybody gets', async () => {
    sts.answer = recreated;
    await expect(assume(forShop)).rejects.toMatchObject(notAdmitted);
  });

  test('is refused where the access point lists the uid of another', async () => {
    sts.accessPoints.splice(0, 1, { ...shop, serviceAccounts: [{ ...web, uid: 'u0' }] });
    await expect(assume(forShop)).rejects.toMatchObject(notAdmitted);
    sts.accessPoints.splice(0, 1, { ...shop, serviceAccounts: [{ ...web, uid: 'u1' }] });
    expect(await assume(forShop)).toHaveProperty('Credentials');
  });
});
