import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { exportJWK, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { KmsClient } from '../../../src/client/kms-client.ts';
import { TokenIssuer } from '../../../src/cmd/standalone/token-issuer.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { startTestServer, type TestServer } from '../../support/kms-server.ts';
import { testAuthority } from '../../support/tls.ts';

/** Another cluster: an issuer with its own certificate authority, over real TLS, and the keys of a real token issuer. */
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const authority = testAuthority();
let issuer: Server;
let issuerUrl: string;
let asked: string[];
let answers: Record<string, () => { status: number; body: string; location?: string }>;
let server: TestServer;
let pod: KmsClient;

const account = '1000000000000000';
const audience = 'kaap.dev/access-point/shop';

beforeAll(async () => {
  const { certPem, keyPem } = authority.issue('localhost');
  issuer = createServer({ cert: certPem, key: keyPem }, (request, response) => {
    asked.push(request.url ?? '');
    const { status, body, location } = answers[request.url ?? '']?.() ?? { status: 404, body: '' };
    response.writeHead(status, location === undefined ? {} : { location }).end(body);
  });
  await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
  issuerUrl = `https://localhost:${(issuer.address() as AddressInfo).port}/cluster-2`;
  const refuses = { provider: 'kubernetes', verify: () => Promise.reject(new Error('nobody')) };
  server = await startTestServer({ verifiers: new Map([['kubernetes', refuses]]) });
  // Unsigned, and once: what is worth a retry is told apart.
  const credentials = { credential: () => Promise.resolve(undefined) };
  pod = new KmsClient({ endpoint: server.endpoint, caPem: server.caPem, region: 'local', credentials, maxAttempts: 1 });
  const { client } = server;
  await client.createSecret({ SecretName: 'shop/db', SecretData: 'value', VersionId: 'v1' });
  const Permissions = JSON.stringify(['RbacPermission/Template/CryptoServiceSecretUser']);
  await client.createPolicy({ Name: 'shop', Permissions, Resources: '["secret/shop/*"]' });
  const serviceAccounts = [{ provider: 'cluster-2', namespace: 'shop', name: 'web' }];
  await client.call('Kms', 'CreateApplicationAccessPoint', {
    Name: 'shop',
    AuthenticationMethod: 'RAMRole',
    Policies: '["shop"]',
    AuthenticationConfig: JSON.stringify({
      ramRole: { trustedRole: 'ServiceAccountRole', roleName: 'shop', serviceAccounts },
    }),
  });
});
afterAll(async () => {
  pod.close();
  await server.close();
  issuer.close();
});

async function keys(): Promise<string> {
  return JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }] });
}

beforeEach(async () => {
  asked = [];
  const jwks = await keys();
  answers = {
    '/cluster-2/.well-known/openid-configuration': () => ({
      status: 200,
      body: JSON.stringify({ issuer: issuerUrl, jwks_uri: `${issuerUrl}/keys` }),
    }),
    '/cluster-2/keys': () => ({ status: 200, body: jwks }),
  };
});

const ims = (action: string, parameters: Record<string, unknown>): Promise<Record<string, unknown>> =>
  server.client.call('Ims', action, parameters, { deadlineMs: 5000 });

async function register(changes: object = {}): Promise<void> {
  await ims('DeleteOIDCProvider', { OIDCProviderName: 'cluster-2' }).catch(() => undefined);
  await ims('CreateOIDCProvider', {
    OIDCProviderName: 'cluster-2',
    IssuerUrl: issuerUrl,
    ClientIds: audience,
    CaCertificate: authority.caPem,
    ...changes,
  });
}

function token(changes: { issuer?: string; audience?: string; issuedAt?: number } = {}): Promise<string> {
  const issuedAt = changes.issuedAt ?? Math.floor(Date.now() / 1000);
  return new SignJWT({ 'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'web', uid: 'u1' } } })
    .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
    .setIssuer(changes.issuer ?? issuerUrl)
    .setSubject('system:serviceaccount:shop:web')
    .setAudience(changes.audience ?? audience)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + 86_400 * 2)
    .sign(privateKey);
}

async function codeOf(OIDCToken: string): Promise<string> {
  try {
    await pod.call('Sts', 'AssumeRoleWithOIDC', {
      OIDCProviderArn: `acs:ram::${account}:oidc-provider/cluster-2`,
      OIDCToken,
      RoleArn: `acs:ram::${account}:role/shop`,
      RoleSessionName: 'web',
    });
    return 'OK';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('A provider that is registered', () => {
  test('is found by discovery, and its keys are asked for once', async () => {
    await register();
    expect(await codeOf(await token())).toBe('OK');
    expect(await codeOf(await token())).toBe('OK');
    expect(asked).toEqual(['/cluster-2/.well-known/openid-configuration', '/cluster-2/keys']);
  });

  test('verifies nothing from the moment that it is deleted', async () => {
    await register();
    expect(await codeOf(await token())).toBe('OK');
    await ims('DeleteOIDCProvider', { OIDCProviderName: 'cluster-2' });
    expect(await codeOf(await token())).toBe('EntityNotExist.OIDCProvider');
  });

  test.each([
    ['of another issuer', { issuer: 'https://evil.example' }],
    ['for an audience that is none of its client ids', { audience: 'https://kubernetes.default.svc' }],
  ])('C1: does not accept a token %s', async (_what, changes) => {
    await register();
    expect(await codeOf(await token(changes))).toMatch(/^AuthenticationFail/);
  });

  test('C1: does not accept the token of an access point that is none of its client ids', async () => {
    await register({ ClientIds: 'something-else' });
    expect(await codeOf(await token())).toBe('AuthenticationFail.OIDCToken.Invalid');
  });

  test('C2: does not accept a token that another key signed', async () => {
    await register();
    const other = new TokenIssuer(systemClock);
    expect(await codeOf(await other.issue({ namespace: 'shop', serviceAccount: 'web', audience }))).toBe(
      'AuthenticationFail.OIDCToken.Invalid',
    );
  });

  test('does not accept a token that was issued longer ago than IssuanceLimitTime', async () => {
    await register({ IssuanceLimitTime: 1 });
    expect(await codeOf(await token({ issuedAt: Math.floor(Date.now() / 1000) - 3700 }))).toBe(
      'AuthenticationFail.OIDCToken.Expired',
    );
  });

  test.each<[string, () => void | object]>([
    ['is not there', () => ({ IssuerUrl: 'https://localhost:1/cluster-2' })],
    ['has a certificate of another authority', () => ({ CaCertificate: server.caPem })],
    ['has no certificate with the registered fingerprint', () => ({ Fingerprints: '0'.repeat(40) })],
    [
      'calls itself somebody else',
      () => discoveryBody({ issuer: 'https://evil.example', jwks_uri: `${issuerUrl}/keys` }),
    ],
    ['names keys without TLS', () => discoveryBody({ issuer: issuerUrl, jwks_uri: 'http://localhost/keys' })],
    ['sends to somebody else', () => reply(302, '', 'https://evil.example')],
    ['answers something else than JSON', () => reply(200, '<html>')],
    ['answers without end', () => reply(200, `"${'x'.repeat(300_000)}"`)],
  ])('C4: fails closed when the issuer %s', async (_what, prepare) => {
    await register(prepare() ?? {});
    const OIDCToken = await token();
    expect(await codeOf(OIDCToken)).toBe('ServiceUnavailableTemporary');
    expect(asked).not.toContain('/cluster-2/keys');
  });

  test('is believed when a certificate of its chain has the fingerprint', async () => {
    const fingerprint = new X509Certificate(authority.caPem).fingerprint256.replaceAll(':', '');
    await register({ Fingerprints: fingerprint });
    expect(await codeOf(await token())).toBe('OK');
  });

  test('is never asked when its keys are registered', async () => {
    await register({ JsonWebKeySet: await keys() });
    expect(await codeOf(await token())).toBe('OK');
    expect(asked).toEqual([]);
  });
});

function discoveryBody(document: object): void {
  reply(200, JSON.stringify(document));
}

function reply(status: number, body: string, location?: string): void {
  answers['/cluster-2/.well-known/openid-configuration'] = () => ({ status, body, ...(location && { location }) });
}

describe('Registering a provider', () => {
  test.each([
    ['an issuer without TLS', { IssuerUrl: 'http://issuer.example' }],
    ['an issuer with a query', { IssuerUrl: 'https://issuer.example?a=b' }],
    ['no audience', { ClientIds: '' }],
    ['a fingerprint that is none', { Fingerprints: 'abc' }],
    ['a key set with a secret key', { JsonWebKeySet: '{"keys":[{"kty":"oct","k":"AAAA"}]}' }],
    ['a certificate that is none', { CaCertificate: 'PEM' }],
  ])('refuses %s', async (_what, changes) => {
    const parameters = { OIDCProviderName: 'wrong', IssuerUrl: 'https://issuer.example', ClientIds: 'a', ...changes };
    await expect(ims('CreateOIDCProvider', parameters)).rejects.toMatchObject({ httpStatus: 400 });
  });

  test("refuses the name of the installation's own provider, which would hide it", async () => {
    const parameters = { OIDCProviderName: 'kubernetes', IssuerUrl: 'https://issuer.example', ClientIds: 'a' };
    await expect(ims('CreateOIDCProvider', parameters)).rejects.toMatchObject({
      code: 'EntityAlreadyExists.OIDCProvider',
    });
  });

  test('shows it as IMS does, and changes it', async () => {
    await register();
    await ims('UpdateOIDCProvider', {
      OIDCProviderName: 'cluster-2',
      ClientIds: `${audience},b`,
      NewDescription: 'two',
    });
    expect((await ims('GetOIDCProvider', { OIDCProviderName: 'cluster-2' }))['OIDCProvider']).toMatchObject({
      OIDCProviderName: 'cluster-2',
      Arn: `acs:ram::${account}:oidc-provider/cluster-2`,
      IssuerUrl: issuerUrl,
      ClientIds: `${audience},b`,
      Description: 'two',
      IssuanceLimitTime: 12,
    });
    const { OIDCProviders } = (await ims('ListOIDCProviders', {})) as { OIDCProviders: { OIDCProvider: object[] } };
    expect(OIDCProviders.OIDCProvider).toHaveLength(1);
    await expect(
      ims('CreateOIDCProvider', { OIDCProviderName: 'cluster-2', IssuerUrl: issuerUrl, ClientIds: 'a' }),
    ).rejects.toMatchObject({ code: 'EntityAlreadyExists.OIDCProvider' });
  });
});
