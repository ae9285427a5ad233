import type { Command } from 'commander';
import { callerIdentityCredentials } from '../../client/caller-identity-credentials.ts';
import { ConfigError } from '../../lib/config.ts';
import { readConnection } from '../connection.ts';
import { standardOutput } from '../output.ts';
import { sessionFormats } from '../session-format.ts';

interface LoginOptions {
  roleArn: string;
  sts: string;
  audience: string;
  sessionName: string;
  durationSeconds: string;
  format: string;
}

/** `kaap login`: a session of Alibaba Cloud's STS, from the environment, for a session of the KMS. */
export function registerLogin(program: Command): void {
  program
    .command('login')
    .description('exchange a session of a role in Alibaba Cloud for one of the KMS, and print it')
    .requiredOption('--role-arn <arn>', 'role of the access point, acs:ram::<account>:role/<name>')
    .requiredOption('--sts <host>', 'STS that the KMS asks, such as sts.eu-central-1.aliyuncs.com')
    .requiredOption('--audience <name>', 'name of the installation, as the KMS is configured')
    .option('--session-name <name>', 'name of the new session', 'kaap-login')
    .option('--duration-seconds <seconds>', '900 to 3600', '3600')
    .option('--format <format>', 'env, for eval in a shell, or json', 'env')
    .action(async (options: LoginOptions) => {
      standardOutput.line(await login(options, process.env));
    });
}

/** The session as text. Throws ConfigError when the environment has no session of an STS. */
export async function login(options: LoginOptions, environment: NodeJS.ProcessEnv): Promise<string> {
  const format = sessionFormats[options.format];
  if (format === undefined) throw new ConfigError(`--format ${options.format}: write env or json.`);
  const { endpoint, caPem, accessKeyId, accessKeySecret, securityToken } = readConnection(environment);
  if (securityToken === undefined) {
    throw new ConfigError('Set ALIBABA_CLOUD_SECURITY_TOKEN: only sessions of a role are exchanged, not access keys.');
  }
  const provider = callerIdentityCredentials({
    endpoint,
    caPem,
    roleArn: options.roleArn,
    stsHost: options.sts.replace(/^https:\/\//, '').replace(/\/$/, ''),
    audience: options.audience,
    sessionName: options.sessionName,
    durationSeconds: Number(options.durationSeconds),
    caller: () => ({ accessKeyId, accessKeySecret, securityToken }),
  });
  const credential = await provider.credential();
  if (credential?.kind !== 'AccessKey' || credential.securityToken === undefined)
    throw new Error('no session came back');
  return format({ ...credential, securityToken: credential.securityToken });
}
