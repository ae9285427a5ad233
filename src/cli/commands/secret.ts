import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { isKmsClientError, type KmsClient } from '../../client/kms-client.ts';
import { ConfigError } from '../../lib/config.ts';
import { withClient } from '../connection.ts';
import { standardOutput, table } from '../output.ts';

const standardInput = 0;

/** `kaap secret put|get|consumers`: values of secrets, and who reads them. A value is never an argument, where others could see it. */
export function registerSecret(program: Command): void {
  const secret = program.command('secret').description('read and write secrets, see who reads them');
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
  secret
    .command('consumers')
    .description('who reads a secret, and when last: is it safe to delete?')
    .argument('<name>', 'full name, such as shop/db')
    .action(async (name: string) => {
      const answer = await withClient((client) => client.listSecretConsumers({ SecretName: name }));
      consumerLines(answer).forEach((line) => standardOutput.line(line));
    });
}

/** What `kaap secret consumers` says: how far the answer goes, then a line for each who read the secret. */
export function consumerLines(answer: Awaited<ReturnType<KmsClient['listSecretConsumers']>>): string[] {
  const { SecretName, ObservedSince, ReadCount, Complete, DroppedConsumers, Consumers } = answer;
  const seen =
    ReadCount === 0
      ? `Nobody has read ${SecretName} since ${ObservedSince}.`
      : `${SecretName} was read ${ReadCount} times since ${ObservedSince}, the last time at ${answer.LastUsedTime}.`;
  const gap = DroppedConsumers === 0 ? 'some reads could not be counted' : 'some who read it earlier are left out';
  const rows = Consumers.Consumer.map((each) => [
    each.Namespace === '' ? each.Principal : `${each.Namespace}/${each.ServiceAccount}`,
    each.PodName === '' ? '-' : each.PodName,
    each.LastUsedTime,
    String(each.ReadCount),
  ]);
  return [
    seen,
    ...(Complete ? [] : [`The list is not complete: ${gap}. The audit log has all of them.`]),
    ...(rows.length === 0 ? [] : table([['WHO', 'POD', 'LAST READ', 'READS'], ...rows])),
  ];
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
