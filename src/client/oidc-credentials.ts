import { readFile } from 'node:fs/promises';
import { systemClock, type Clock } from '../lib/clock.ts';
import type { CredentialProvider } from './credentials.ts';
import { assumeUnsigned, sessionCredentials } from './session-credentials.ts';
import { createTransport, type Transport } from './transport.ts';

export interface OidcCredentialsOptions {
  endpoint: string;
  caPem?: string | undefined;
  /** `acs:ram::<account>:role/<name>`. */
  roleArn: string;
  /** `acs:ram::<account>:oidc-provider/<name>`. */
  oidcProviderArn: string;
  /** File that holds the projected service-account token; read anew for each session. */
  tokenFile?: string | undefined;
  /** Gives the token, in place of a file. */
  token?: (() => Promise<string>) | undefined;
  sessionName: string;
  /** Connections to that endpoint which somebody else closes; its own unless given. */
  transport?: Transport | undefined;
  /** 3600 unless given. */
  durationSeconds?: number | undefined;
  clock?: Clock | undefined;
}

async function readToken(options: OidcCredentialsOptions): Promise<string> {
  if (options.token !== undefined) return options.token();
  if (options.tokenFile === undefined) throw new TypeError('oidcCredentials needs tokenFile or token.');
  return (await readFile(options.tokenFile, 'utf8')).trim();
}

/** Exchanges a projected service-account token for an STS session; see {@link sessionCredentials} for its renewal. */
export function oidcCredentials(options: OidcCredentialsOptions): CredentialProvider {
  const clock = options.clock ?? systemClock;
  const transport = options.transport ?? createTransport({ ...options, maxSockets: 1 });
  return sessionCredentials(async () => {
    const parameters = {
      RoleArn: options.roleArn,
      OIDCProviderArn: options.oidcProviderArn,
      OIDCToken: await readToken(options),
      RoleSessionName: options.sessionName,
      DurationSeconds: options.durationSeconds ?? 3600,
    };
    return assumeUnsigned(transport, clock, 'AssumeRoleWithOIDC', () => parameters);
  }, clock);
}
