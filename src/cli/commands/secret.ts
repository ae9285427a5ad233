import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { isKmsClientError, type KmsClient } from '../../client/kms-client.ts';
import { ConfigError } from '../../lib/config.ts';
import { connect, readConnection } from '../connection.ts';
import { standardOutput } from '../output.ts';

const standardInput = 0;

/** `kaap secret put|get`: values of secrets. A value is never an argument, where others could see it. */
export function registerSecret(program: Command): void {
  const secret = program.command('secret').description('read and write secrets');
  secret
    .command('put')
    .description('write a new version of a secret; creates the secret when there is none')
    .argument('<name>', 'full name, such as shop/db')
    .option('--from-file <file>', 'file with the value; standard input unless given')
    .option('--binary', 'the value is not UTF-8 text')
    .action(async (name: string, options: PutOptions) => {
      const value = readFileSync(options.fromFile ?? standardInput);
      const version = await withClient((client) => putSecret(client, name, encode(value, options.binary === true)));
      standardOutput.line(`${name} has the version ${version}.`);
    });
  secret
    .command('get')
    .description('print the value of a secret, its bytes as they are')
    .argument('<name>', 'full name, such as shop/db')
    .option('--version-stage <stage>', 'ACSCurrent unless given')
    .action(async (name: string, options: { versionStage?: string }) => {
      const stage = options.versionStage === undefined ? {} : { VersionStage: options.versionStage };
      const answer = await withClient((client) => client.call('Kms', 'GetSecretValue', { SecretName: name, ...stage }));
      const encoding = answer['SecretDataType'] === 'binary' ? 'base64' : 'utf8';
      standardOutput.raw(Buffer.from(String(answer['SecretData']), encoding));
    });
}

interface PutOptions {
  fromFile?: string;
  binary?: boolean;
}

/** A value in the form of the API's parameters. */
export interface EncodedValue {
  SecretData: string;
  SecretDataType: 'text' | 'binary';
}

/** Text as it is, bytes as base64. Throws ConfigError for text that is not UTF-8. */
export function encode(value: Buffer, binary: boolean): EncodedValue {
  if (binary) return { SecretData: value.toString('base64'), SecretDataType: 'binary' };
  const text = value.toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(value)) {
    throw new ConfigError('The value is not UTF-8 text. Add --binary to store its bytes.');
  }
  return { SecretData: text, SecretDataType: 'text' };
}

/** Puts a new version, or creates the secret with it. Gives the version's id. */
export async function putSecret(client: KmsClient, name: string, value: EncodedValue): Promise<string> {
  const parameters = { SecretName: name, VersionId: randomUUID(), ...value };
  try {
    await client.call('Kms', 'PutSecretValue', parameters);
  } catch (error) {
    if (!isKmsClientError(error, 'Forbidden.ResourceNotFound')) throw error;
    await client.call('Kms', 'CreateSecret', parameters);
  }
  return parameters.VersionId;
}

async function withClient<T>(work: (client: KmsClient) => Promise<T>): Promise<T> {
  const client = connect(readConnection(process.env));
  try {
    return await work(client);
  } finally {
    client.close();
  }
}
