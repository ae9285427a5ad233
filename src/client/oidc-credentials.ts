import { readFile } from 'node:fs/promises';
import { systemClock, type Clock } from '../lib/clock.ts';
import { productVersions } from '../ports/action.ts';
import type { CredentialProvider, RequestCredential } from './credentials.ts';
import { KmsClientError } from './kms-client-error.ts';
import { retrying } from './retry.ts';
import { sendAction } from './send-action.ts';
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
  /** 3600 unless given. */
  durationSeconds?: number | undefined;
  clock?: Clock | undefined;
}

interface Session {
  credential: RequestCredential;
  refreshAt: number;
  expiresAt: number;
}

/** A session is renewed when less than this part of its life is left. */
const refreshPart = 0.25;

function field(credentials: Record<string, unknown>, name: string): string {
  const value = credentials[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new KmsClientError({
    code: 'InvalidResponse',
    message: `The answer of AssumeRoleWithOIDC has no Credentials.${name}. Check that the endpoint is the KMS.`,
    httpStatus: 200,
    retryable: false,
  });
}

function sessionOf(answer: Record<string, unknown>, now: number): Session {
  const credentials = (answer['Credentials'] ?? {}) as Record<string, unknown>;
  const expiresAt = Date.parse(field(credentials, 'Expiration'));
  return {
    credential: {
      kind: 'AccessKey',
      accessKeyId: field(credentials, 'AccessKeyId'),
      accessKeySecret: field(credentials, 'AccessKeySecret'),
      securityToken: field(credentials, 'SecurityToken'),
    },
    refreshAt: expiresAt - (expiresAt - now) * refreshPart,
    expiresAt,
  };
}

async function readToken(options: OidcCredentialsOptions): Promise<string> {
  if (options.token !== undefined) return options.token();
  if (options.tokenFile === undefined) throw new TypeError('oidcCredentials needs tokenFile or token.');
  return (await readFile(options.tokenFile, 'utf8')).trim();
}

async function assumeRole(transport: Transport, options: OidcCredentialsOptions, clock: Clock): Promise<Session> {
  const parameters = {
    RoleArn: options.roleArn,
    OIDCProviderArn: options.oidcProviderArn,
    OIDCToken: await readToken(options),
    RoleSessionName: options.sessionName,
    DurationSeconds: options.durationSeconds ?? 3600,
  };
  const answer = await retrying({ deadlineMs: 15_000, maxAttempts: 5 }, (signal) =>
    sendAction(transport, clock, {
      version: productVersions.Sts,
      action: 'AssumeRoleWithOIDC',
      parameters,
      credential: undefined,
      signal,
    }),
  );
  return sessionOf(answer, clock.now());
}

/**
 * Exchanges a projected service-account token for an STS session, and renews it when less than a quarter of its life is
 * left. Calls made meanwhile share one exchange. While a renewal fails, the session serves on until it expires.
 */
export function oidcCredentials(options: OidcCredentialsOptions): CredentialProvider {
  const clock = options.clock ?? systemClock;
  const transport = createTransport({ ...options, maxSockets: 1 });
  let session: Session | undefined;
  let exchange: Promise<Session> | undefined;
  const renew = (): Promise<Session> => {
    exchange ??= assumeRole(transport, options, clock).finally(() => (exchange = undefined));
    return exchange;
  };
  return {
    async credential() {
      const current = session;
      if (current !== undefined && clock.now() < current.refreshAt) return current.credential;
      try {
        session = await renew();
        return session.credential;
      } catch (error) {
        if (current !== undefined && clock.now() < current.expiresAt) return current.credential;
        throw error;
      }
    },
  };
}
