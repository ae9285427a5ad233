import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { exportJWK, SignJWT } from 'jose';
import { systemClock } from '../../src/lib/clock.ts';
import type { KmsClient } from '../../src/client/kms-client.ts';
import type { TokenVerifier } from '../../src/ports/identity.ts';
import { createJwksVerifier } from '../../src/sts/oidc/jwks-verifier.ts';

/** What the tokens of the service account default/shop are made for. */
export const shopAudience = 'kaap.dev/access-point/shop';

const issuer = 'https://cluster.example';
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** A projected token of the service account default/shop, as a cluster makes it. */
export function podToken(audience: string, key: KeyObject = privateKey): Promise<string> {
  const claims = { 'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'shop', uid: 'u1' } } };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
    .setIssuer(issuer)
    .setSubject('system:serviceaccount:default:shop')
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(key);
}

/** Verifies them, as the provider `kubernetes`. */
export async function clusterVerifier(): Promise<TokenVerifier> {
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' };
  return createJwksVerifier({ provider: 'kubernetes', issuer, jwks: { keys: { keys: [jwk] } }, clock: systemClock });
}

/** The access point `shop`: the service account default/shop reads the secrets under `shop/`. */
export async function createShop(client: KmsClient): Promise<void> {
  await client.createSecret({ SecretName: 'shop/database', SecretData: 'password', VersionId: 'v1' });
  await client.createSecret({ SecretName: 'other/database', SecretData: 'password', VersionId: 'v1' });
  await client.createPolicy({
    Name: 'shop',
    KmsInstance: 'shared',
    Permissions: JSON.stringify(['RbacPermission/Template/CryptoServiceSecretUser']),
    Resources: JSON.stringify(['secret/shop/*']),
  });
  const serviceAccounts = [{ namespace: 'default', name: 'shop' }];
  await client.createApplicationAccessPoint({
    Name: 'shop',
    AuthenticationMethod: 'RAMRole',
    Policies: JSON.stringify(['shop']),
    AuthenticationConfig: JSON.stringify({
      ramRole: { trustedRole: 'ServiceAccountRole', roleName: 'shop', serviceAccounts },
    }),
  });
}
