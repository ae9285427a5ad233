import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KmsClient } from '../../client/kms-client.ts';
import type { Standalone } from './standalone.ts';

/** The instance that `kaap serve --dev` has. */
export const developmentInstance = 'kst-dev0000000000001';

const secretName = 'dev/example';
const accessPoint = 'dev';

/** Where the environment of a development server is written. */
export interface DevelopmentOptions {
  /** File that gets `KEY=value` lines, to be sourced by a shell. */
  writeEnv?: string;
}

/**
 * Gives a throw-away server something to work with: a key and a secret in an instance, and an access point with a client
 * key that may use both. Writes what a client needs to know.
 */
export async function prepareDevelopment(standalone: Standalone, options: DevelopmentOptions): Promise<void> {
  const client = standalone.rootClient();
  try {
    const keyId = await createKey(client);
    const clientKey = await createAccessPoint(client, standalone.dataDir, keyId);
    const lines = {
      KAAP_ENDPOINT: standalone.endpoint,
      KAAP_CA_FILE: join(standalone.dataDir, 'ca.crt'),
      ALIBABA_CLOUD_ACCESS_KEY_ID: standalone.root.AccessKeyId,
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: standalone.root.AccessKeySecret,
      KAAP_CLIENT_KEY_FILE: clientKey.file,
      KAAP_CLIENT_KEY_PASSWORD: clientKey.password,
      KAAP_INSTANCE_ID: developmentInstance,
      KAAP_KEY_ID: keyId,
      KAAP_SECRET_NAME: secretName,
      KAAP_PID: String(process.pid),
    };
    const text = Object.entries(lines).map(([name, value]) => `${name}=${value}\n`);
    if (options.writeEnv !== undefined) await writeFile(options.writeEnv, text.join(''), { mode: 0o600 });
  } finally {
    client.close();
  }
}

async function createKey(client: KmsClient): Promise<string> {
  const made = await client.call('Kms', 'CreateKey', {
    KeySpec: 'Aliyun_AES_256',
    DKMSInstanceId: developmentInstance,
    Description: 'for development',
  });
  const { KeyId } = made['KeyMetadata'] as { KeyId: string };
  await client.call('Kms', 'CreateSecret', {
    SecretName: secretName,
    SecretData: '{"example":"value"}',
    VersionId: 'v1',
    DKMSInstanceId: developmentInstance,
    EncryptionKeyId: KeyId,
  });
  return KeyId;
}

async function createAccessPoint(
  client: KmsClient,
  folder: string,
  keyId: string,
): Promise<{ file: string; password: string }> {
  await client.call('Kms', 'CreatePolicy', {
    Name: accessPoint,
    KmsInstance: developmentInstance,
    Permissions: JSON.stringify([
      'RbacPermission/Template/CryptoServiceKeyUser',
      'RbacPermission/Template/CryptoServiceSecretUser',
    ]),
    Resources: JSON.stringify([`key/${keyId}`, `secret/${secretName}`]),
  });
  await client.call('Kms', 'CreateApplicationAccessPoint', {
    Name: accessPoint,
    AuthenticationMethod: 'ClientKey',
    Policies: JSON.stringify([accessPoint]),
  });
  const password = `${randomBytes(18).toString('base64url')}aA1-`;
  const made = await client.call('Kms', 'CreateClientKey', { AapName: accessPoint, Password: password });
  const file = join(folder, 'client-key.json');
  const content = { KeyId: made['ClientKeyId'], PrivateKeyData: made['PrivateKeyData'] };
  await writeFile(file, JSON.stringify(content), { mode: 0o600 });
  return { file, password };
}
