import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KmsClient, staticCredentials } from '../client/kms-client.ts';
import { ConfigError, parseListenAddress, readSettingFile } from '../lib/config.ts';

/** Where the KMS is and who asks, from options and environment variables. */
export interface Connection {
  endpoint: string;
  caPem: string | undefined;
  region: string;
  accessKeyId: string;
  accessKeySecret: string;
  securityToken: string | undefined;
}

/** The file that `kms` writes when it first starts: the access key of the account root. */
export interface RootCredential {
  AccessKeyId: string;
  AccessKeySecret: string;
}

/** Name of that file in the data folder. */
export const rootCredentialFile = 'root-credential.json';

/**
 * Reads a connection as Alibaba's tools do (`ALIBABA_CLOUD_ACCESS_KEY_ID`, `…_SECRET`, `ALIBABA_CLOUD_SECURITY_TOKEN`)
 * with `KAAP_ENDPOINT` and `KAAP_CA_FILE`. In the container of `kms` itself nothing needs to be set: the account root's
 * credential and the listener are found in the configuration of the process.
 */
export function readConnection(environment: NodeJS.ProcessEnv): Connection {
  const endpoint = environment['KAAP_ENDPOINT'] ?? localEndpoint(environment);
  if (endpoint === undefined) {
    throw new ConfigError('Set KAAP_ENDPOINT to the address of the KMS, such as https://127.0.0.1:8443.');
  }
  return {
    endpoint,
    caPem: caOf(environment),
    region: environment['KAAP_REGION'] ?? 'local',
    ...credentialOf(environment),
  };
}

/** A client for the connection. Close it. */
export function connect(connection: Connection): KmsClient {
  const { endpoint, caPem, region, accessKeyId, accessKeySecret, securityToken } = connection;
  const credentials = staticCredentials({
    accessKeyId,
    accessKeySecret,
    ...(securityToken === undefined ? {} : { securityToken }),
  });
  return new KmsClient({ endpoint, caPem, region, credentials });
}

/** Works with a client for the connection of the environment, and closes it. */
export async function withClient<T>(work: (client: KmsClient) => Promise<T>): Promise<T> {
  const client = connect(readConnection(process.env));
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

function localEndpoint(environment: NodeJS.ProcessEnv): string | undefined {
  if (environment['KAAP_DATA_DIR'] === undefined) return undefined;
  return `https://127.0.0.1:${parseListenAddress(environment['KAAP_LISTEN'] ?? ':8443').port}`;
}

function caOf(environment: NodeJS.ProcessEnv): string | undefined {
  const file = environment['KAAP_CA_FILE'];
  if (file !== undefined) return readSettingFile('KAAP_CA_FILE', file);
  const folder = environment['KAAP_CA_DIR'] ?? environment['KAAP_DATA_DIR'];
  if (folder === undefined || !existsSync(join(folder, 'ca.crt'))) return undefined;
  return readSettingFile('KAAP_CA_DIR', join(folder, 'ca.crt'));
}

function credentialOf(
  environment: NodeJS.ProcessEnv,
): Pick<Connection, 'accessKeyId' | 'accessKeySecret' | 'securityToken'> {
  const accessKeyId = environment['ALIBABA_CLOUD_ACCESS_KEY_ID'];
  const accessKeySecret = environment['ALIBABA_CLOUD_ACCESS_KEY_SECRET'];
  const securityToken = environment['ALIBABA_CLOUD_SECURITY_TOKEN'];
  if (accessKeyId !== undefined && accessKeySecret !== undefined) {
    return { accessKeyId, accessKeySecret, securityToken };
  }
  if (environment['KAAP_DATA_DIR'] === undefined) {
    throw new ConfigError('Set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET to an access key.');
  }
  const root = JSON.parse(readFileSync(rootCredentialPath(environment), 'utf8')) as RootCredential;
  return { accessKeyId: root.AccessKeyId, accessKeySecret: root.AccessKeySecret, securityToken: undefined };
}

/** The file with the root credential. Throws ConfigError where there is none. */
export function rootCredentialPath(environment: NodeJS.ProcessEnv): string {
  const folder = environment['KAAP_DATA_DIR'];
  if (folder === undefined) throw new ConfigError('Set KAAP_DATA_DIR to the data folder of kms.');
  const file = join(folder, rootCredentialFile);
  if (existsSync(file)) return file;
  throw new ConfigError(`${file} does not exist: kms has not been started there yet, or the file was deleted.`);
}
