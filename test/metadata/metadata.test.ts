import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KmsClient, staticCredentials } from '../../src/client/kms-client.ts';
import { MetadataScene, nodePod, type Answer } from '../support/metadata-scene.ts';

/** Addresses of the loopback network stand for those of pods. */
const app = '127.0.0.11';
const bank = '127.0.0.12';
const optedOut = '127.0.0.13';
const stranger = '127.0.0.14';
const ended = '127.0.0.15';
const hostNetworked = '127.0.0.16';
const doubled = '127.0.0.17';
const withOwnRole = '127.0.0.18';

const credentialsPath = '/latest/meta-data/ram/security-credentials/';
const tokenHeader = 'X-aliyun-ecs-metadata-token';
const ttlHeader = 'X-aliyun-ecs-metadata-token-ttl-seconds';

let scene: MetadataScene;

beforeAll(async () => {
  const podRole = {
    namespace: 'shop',
    serviceAccount: 'own',
    roleName: 'shop',
    audience: 'kaap.dev/access-point/shop',
  };
  scene = await MetadataScene.start({ environment: { KAAP_METADATA_POD_ROLES: JSON.stringify([podRole]) } });
  scene.know(
    nodePod('shop', 'app', app),
    nodePod('bank', 'vault', bank),
    nodePod('shop', 'shy', optedOut, {
      metadata: { namespace: 'shop', name: 'shy', uid: 'shy', labels: { 'kaap.dev/node-role': 'none' } },
    }),
    nodePod('shop', 'over', ended, { status: { phase: 'Succeeded', podIP: ended } }),
    nodePod('shop', 'host', hostNetworked, { spec: { hostNetwork: true } }),
    nodePod('shop', 'one', doubled),
    nodePod('shop', 'two', doubled),
    nodePod('shop', 'own', withOwnRole, { spec: { serviceAccountName: 'own' } }),
  );
  const { client } = scene.server;
  const trust = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: ['ecs.aliyuncs.com'] } };
  await client.call('Ram', 'CreateRole', {
    RoleName: 'Worker',
    AssumeRolePolicyDocument: JSON.stringify({ Version: '1', Statement: [trust] }),
  });
  for (const name of ['shop/db', 'nodes/db']) {
    await client.createSecret({ SecretName: name, SecretData: `value of ${name}`, VersionId: 'v1' });
  }
  for (const name of ['shop', 'nodes']) {
    await client.createPolicy({
      Name: name,
      Permissions: JSON.stringify(['RbacPermission/Template/CryptoServiceSecretUser']),
      Resources: JSON.stringify([`secret/${name}/*`]),
    });
  }
  const accessPoint = (Name: string, ramRole: object): Promise<unknown> =>
    client.call('Kms', 'CreateApplicationAccessPoint', {
      Name,
      AuthenticationMethod: 'RAMRole',
      Policies: JSON.stringify([Name]),
      AuthenticationConfig: JSON.stringify({ ramRole }),
    });
  await accessPoint('nodes', { trustedRole: 'ACKWorkerRole', roleName: 'Worker' });
  const serviceAccounts = [{ namespace: 'shop', name: 'own' }];
  await accessPoint('shop', { trustedRole: 'ServiceAccountRole', roleName: 'shop', serviceAccounts });
});
afterAll(() => scene.close());

async function secretWith({ text }: Answer, SecretName: string): Promise<unknown> {
  const {
    AccessKeyId: accessKeyId,
    AccessKeySecret: accessKeySecret,
    SecurityToken: securityToken,
  } = JSON.parse(text) as Record<'AccessKeyId' | 'AccessKeySecret' | 'SecurityToken', string>;
  const credentials = staticCredentials({ accessKeyId, accessKeySecret, securityToken });
  const { endpoint, caPem } = scene.server;
  const client = new KmsClient({ endpoint, caPem, region: 'local', credentials });
  try {
    return (await client.call('Kms', 'GetSecretValue', { SecretName }))['SecretData'];
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    client.close();
  }
}

const tokenFor = async (address: string): Promise<string> =>
  (await scene.ask(address, '/latest/api/token', { [ttlHeader]: '60' }, 'PUT')).text;

describe('The metadata address', () => {
  it("gives a pod the node's role in the plain mode, and the access point that trusts it", async () => {
    expect(await scene.ask(app, credentialsPath)).toEqual({ status: 200, text: 'Worker' });
    const answer = await scene.ask(app, `${credentialsPath}Worker`);
    expect(JSON.parse(answer.text)).toMatchObject({ Code: 'Success', LastUpdated: expect.any(String) as string });
    expect(await secretWith(answer, 'nodes/db')).toBe('value of nodes/db');
    expect(await secretWith(answer, 'shop/db')).toBe('Forbidden.NoPermission');
  });

  it('gives it in the hardened mode with a token', async () => {
    const answer = await scene.ask(app, `${credentialsPath}Worker`, { [tokenHeader]: await tokenFor(app) });
    expect(await secretWith(answer, 'nodes/db')).toBe('value of nodes/db');
  });

  it('gives sessions whose life is longer than SDKs ask for, and the same one to all', async () => {
    const [one, other] = await Promise.all([app, app].map((from) => scene.ask(from, `${credentialsPath}Worker`)));
    expect(one).toEqual(other);
    const { Expiration } = JSON.parse(one?.text ?? '') as { Expiration: string };
    expect(Date.parse(Expiration) - Date.now()).toBeGreaterThan(15 * 60_000);
  });

  it.each([
    ['a namespace that is excluded', bank],
    ['a pod that says it wants none', optedOut],
  ])("does not give the node's role to %s", async (_what, from) => {
    for (const path of [credentialsPath, `${credentialsPath}Worker`]) {
      expect((await scene.ask(from, path)).status).toBe(404);
    }
  });

  it.each([
    ['nobody knows', stranger],
    ['belonged to a pod that is over', ended],
    ['is of a pod on the network of the node', hostNetworked],
    ['two pods have', doubled],
  ])('C4: fails closed for an address that %s', async (_what, from) => {
    for (const path of [
      credentialsPath,
      `${credentialsPath}Worker`,
      '/kaap/credentials',
      '/latest/meta-data/region-id',
    ]) {
      expect((await scene.ask(from, path)).status).toBe(403);
    }
  });

  it('knows the region and the node, and no other role than that of the node', async () => {
    expect((await scene.ask(app, '/latest/meta-data/region-id')).text).toBe('local');
    expect((await scene.ask(app, '/latest/meta-data/instance-id')).text).toBe('node-1.example');
    for (const path of [`${credentialsPath}kaap-operator`, `${credentialsPath}Worker/..`, '/', '/latest/user-data']) {
      expect((await scene.ask(app, path)).status).toBe(404);
    }
  });
});

describe('Requests on behalf of somebody else', () => {
  it.each(['X-Forwarded-For', 'Forwarded', 'Via'])('C8: are refused with %s', async (name) => {
    const answer = await scene.ask(app, `${credentialsPath}Worker`, { [name]: bank });
    expect(answer.status).toBe(403);
    expect((await scene.ask(app, '/latest/api/token', { [name]: bank, [ttlHeader]: '60' }, 'PUT')).status).toBe(403);
  });

  it('C8: are refused under a name that a foreign name server gave the address', async () => {
    expect((await scene.ask(app, credentialsPath, { host: 'evil.example' })).status).toBe(403);
  });

  it("are refused with another pod's token, an old one, and one of nobody", async () => {
    const [time = '', signature = ''] = (await tokenFor(app)).split('.');
    const tokens = [await tokenFor(optedOut), `${Number(time) + 60}.${signature}`, 'token', `1.${signature}`];
    for (const token of tokens) {
      expect((await scene.ask(app, credentialsPath, { [tokenHeader]: token })).status).toBe(401);
    }
  });

  it.each(['', '0', '21601', '-1', '1e3', '60 '.repeat(3)])('get no token for %j seconds', async (seconds) => {
    expect((await scene.ask(app, '/latest/api/token', { [ttlHeader]: seconds }, 'PUT')).status).toBe(400);
  });

  it('are not answered for other methods', async () => {
    expect((await scene.ask(app, '/latest/api/token', { [ttlHeader]: '60' }, 'GET')).status).toBe(405);
    expect((await scene.ask(app, credentialsPath, {}, 'POST')).status).toBe(405);
  });
});

describe("The role of a pod's own service account", () => {
  it('is served where ALIBABA_CLOUD_CREDENTIALS_URI points, with a token that is bound to the pod', async () => {
    const answer = await scene.ask(withOwnRole, '/kaap/credentials');
    expect(await secretWith(answer, 'shop/db')).toBe('value of shop/db');
    expect(await secretWith(answer, 'nodes/db')).toBe('Forbidden.NoPermission');
    expect(scene.tokenRequests).toEqual([
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          audiences: ['kaap.dev/access-point/shop'],
          expirationSeconds: 600,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'own', uid: 'shop/own' },
        },
      },
    ]);
  });

  it('is nothing to a pod of another service account', async () => {
    expect((await scene.ask(app, '/kaap/credentials')).status).toBe(404);
  });
});

describe('A pod that asks too often', () => {
  it('I2: is told to wait, and takes nothing from the others', async () => {
    const answers = [];
    for (let asked = 0; asked < 60; asked += 1)
      answers.push((await scene.ask(optedOut, '/latest/meta-data/region-id')).status);
    expect(answers).toContain(429);
    expect((await scene.ask(bank, '/latest/meta-data/region-id')).status).toBe(200);
  });
});

describe('The hardened mode alone', () => {
  it('refuses what comes without a token', async () => {
    const hardened = await MetadataScene.start({ environment: { KAAP_METADATA_HARDENED_ONLY: 'true' } });
    try {
      hardened.know(nodePod('shop', 'app', app));
      expect((await hardened.ask(app, credentialsPath)).status).toBe(401);
      const token = (await hardened.ask(app, '/latest/api/token', { [ttlHeader]: '60' }, 'PUT')).text;
      expect((await hardened.ask(app, credentialsPath, { [tokenHeader]: token })).text).toBe('Worker');
      // The role does not exist there: STS refuses, and the pod hears no more than that.
      const refused = await hardened.ask(app, `${credentialsPath}Worker`, { [tokenHeader]: token });
      expect(refused).toEqual({ status: 503, text: 'The KMS does not give a session now. Try again.\n' });
    } finally {
      await hardened.close();
    }
  });
});
