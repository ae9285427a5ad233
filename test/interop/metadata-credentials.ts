/**
 * Run by credentials.test.ts in a network namespace of its own, where 100.100.100.200 can be had: the metadata server with
 * the KMS behind it, and `@alicloud/credentials`, unmodified, which has that address built in. Prints what the SDK got.
 */
import { createRequire } from 'node:module';
import type CredentialsModule from '@alicloud/credentials';
import { KmsClient, staticCredentials } from '../../src/client/kms-client.ts';
import { MetadataScene, nodePod } from '../support/metadata-scene.ts';

const load = createRequire(import.meta.url);
const Credentials = load('@alicloud/credentials') as typeof CredentialsModule;

const metadataAddress = '100.100.100.200';
const namespace = process.argv[2] ?? 'shop';

const scene = await MetadataScene.start({
  listen: `${metadataAddress}:80`,
  environment: {
    KAAP_METADATA_POD_ROLES: JSON.stringify([
      { namespace: 'shop', serviceAccount: 'app', roleName: 'shop', audience: 'kaap.dev/access-point/shop' },
    ]),
  },
});
// Whoever connects to an address of the own host does so from that address.
scene.know(nodePod(namespace, 'app', metadataAddress));
await prepare();

const ecs = new Credentials.default(new Credentials.Config({ type: 'ecs_ram_role' }));
const uri = `http://${metadataAddress}/kaap/credentials`;
const byUri = new Credentials.default(new Credentials.Config({ type: 'credentials_uri', credentialsURI: uri }));
const outcome = { ecs: await reads(ecs, 'nodes/db'), uri: await reads(byUri, 'shop/db') };
await scene.close();
process.stdout.write(`${JSON.stringify(outcome)}\n`);
process.exit(0);

async function prepare(): Promise<void> {
  const { client } = scene.server;
  const trust = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: ['ecs.aliyuncs.com'] } };
  const AssumeRolePolicyDocument = JSON.stringify({ Version: '1', Statement: [trust] });
  await client.call('Ram', 'CreateRole', { RoleName: 'Worker', AssumeRolePolicyDocument });
  const serviceAccounts = [{ namespace: 'shop', name: 'app' }];
  const ramRoles = {
    nodes: { trustedRole: 'ECSInstanceRole', roleName: 'Worker' },
    shop: { trustedRole: 'ServiceAccountRole', roleName: 'shop', serviceAccounts },
  };
  for (const [Name, ramRole] of Object.entries(ramRoles)) {
    await client.createSecret({ SecretName: `${Name}/db`, SecretData: `value of ${Name}/db`, VersionId: 'v1' });
    const Permissions = JSON.stringify(['RbacPermission/Template/CryptoServiceSecretUser']);
    await client.createPolicy({ Name, Permissions, Resources: JSON.stringify([`secret/${Name}/*`]) });
    await client.call('Kms', 'CreateApplicationAccessPoint', {
      Name,
      AuthenticationMethod: 'RAMRole',
      Policies: JSON.stringify([Name]),
      AuthenticationConfig: JSON.stringify({ ramRole }),
    });
  }
}

/** Reads a secret with what the SDK got, or says that it got nothing. */
async function reads(sdk: InstanceType<typeof Credentials.default>, SecretName: string): Promise<string> {
  try {
    const { accessKeyId = '', accessKeySecret = '', securityToken } = await sdk.getCredential();
    const credentials = staticCredentials({ accessKeyId, accessKeySecret, securityToken });
    const { endpoint, caPem } = scene.server;
    const client = new KmsClient({ endpoint, caPem, region: 'local', credentials });
    const { SecretData } = await client.call('Kms', 'GetSecretValue', { SecretName });
    client.close();
    return String(SecretData);
  } catch (error) {
    return `nothing: ${error instanceof Error ? error.message : 'unknown'}`;
  }
}
