import { beforeEach, describe, expect, test } from 'vitest';
import { evaluateTrust, trustsService } from '../../src/policy/trust.ts';
import { accountId, context, documentOf } from '../support/policy-scene.ts';
import { StsScene, tokenFor } from '../support/sts-scene.ts';

const audience = 'kaap.dev/service/ecs.aliyuncs.com';
const metadataPod = 'system:serviceaccount:kaap-system:kaap-metadata';
const trusting = (...services: string[]): string =>
  documentOf({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: services } });
const worker = { name: 'Worker', roleId: 'r-1', maxSessionSeconds: 7200, trustPolicy: trusting('ecs.aliyuncs.com') };
const input = {
  OIDCProviderArn: `acs:ram::${accountId}:oidc-provider/kubernetes`,
  OIDCToken: tokenFor(audience, metadataPod),
  RoleArn: `acs:ram::${accountId}:role/Worker`,
  RoleSessionName: 'node-1',
};
const notAdmitted = { code: 'AuthenticationFail.NoPermission' };
const nodes = { name: 'nodes', roleName: 'Worker', method: 'RAMRole' as const, serviceAccounts: [] };

let sts: StsScene;
const assume = (changes: object = {}) => sts.call('AssumeRoleWithOIDC', { ...input, ...changes });

beforeEach(() => {
  sts = new StsScene();
  sts.roles.push(worker);
});

describe("A service's role", () => {
  test('is assumed by the service account that vouches for the service', async () => {
    const { session } = sts.open(await assume({ DurationSeconds: '7200' }));
    expect(session).toMatchObject({ roleName: 'Worker', roleId: 'r-1', sessionName: 'node-1' });
    expect(session).not.toHaveProperty('accessPoint');
    expect(sts.verified).toEqual([audience]);
  });

  test('goes through the access point that trusts it, and then lasts an hour at most', async () => {
    sts.accessPoints.push({ ...nodes, service: 'ecs.aliyuncs.com' });
    expect(sts.open(await assume()).session).toMatchObject({ accessPoint: 'nodes', roleId: 'r-1' });
    await expect(assume({ DurationSeconds: '7200' })).rejects.toMatchObject({
      code: 'InvalidParameter.DurationSeconds',
    });
  });

  test('does not go through an access point that trusts it for another service, or for pods', async () => {
    sts.accessPoints.push({ ...nodes, service: 'fc.aliyuncs.com' });
    sts.accessPoints.push({
      ...nodes,
      name: 'pods',
      serviceAccounts: [{ namespace: 'kaap-system', name: 'kaap-metadata' }],
    });
    expect(sts.open(await assume()).session).not.toHaveProperty('accessPoint');
  });

  test('of two access points is of neither', async () => {
    sts.accessPoints.push(
      { ...nodes, service: 'ecs.aliyuncs.com' },
      { ...nodes, name: 'b', service: 'ecs.aliyuncs.com' },
    );
    await expect(assume()).rejects.toMatchObject(notAdmitted);
  });

  test.each([
    ['another service account', tokenFor(audience, 'system:serviceaccount:shop:web')],
    ['a service account of that name elsewhere', tokenFor(audience, 'system:serviceaccount:shop:kaap-metadata')],
    ['another audience', tokenFor('kaap.dev/access-point/nodes', metadataPod)],
    ['a service that nobody vouches for', tokenFor('kaap.dev/service/fc.aliyuncs.com', metadataPod)],
  ])('C1: is not assumed with a token of %s', async (_what, OIDCToken) => {
    await expect(assume({ OIDCToken })).rejects.toMatchObject(notAdmitted);
  });

  test('C1: is not assumed with a token of another cluster', async () => {
    const OIDCProviderArn = `acs:ram::${accountId}:oidc-provider/other`;
    await expect(assume({ OIDCProviderArn })).rejects.toMatchObject(notAdmitted);
  });

  test.each([
    ['another service', trusting('fc.aliyuncs.com')],
    [
      'the account',
      documentOf({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { RAM: `acs:ram::${accountId}:root` } }),
    ],
    ['nothing that can be read', '{}'],
  ])('C7: is not assumed when the role trusts %s', async (_what, trustPolicy) => {
    sts.roles.splice(0, 1, { ...worker, trustPolicy });
    await expect(assume()).rejects.toMatchObject(notAdmitted);
    expect(trustsService(trustPolicy, 'ecs.aliyuncs.com')).toBe(false);
  });

  test('is not for users and sessions of the account, whatever they may assume', () => {
    const principal = { kind: 'RamUser', accountId, userName: 'ann', accessKeyId: 'a' } as const;
    expect(evaluateTrust('Worker', worker.trustPolicy, { principal }, context).effect).toBe('Deny');
  });
});
