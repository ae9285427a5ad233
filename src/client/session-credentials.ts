import type { Clock } from '../lib/clock.ts';
import { productVersions } from '../ports/action.ts';
import type { CredentialProvider, RequestCredential } from './credentials.ts';
import { isKmsClientError, KmsClientError } from './kms-client-error.ts';
import { retrying } from './retry.ts';
import { sendAction } from './send-action.ts';
import type { Transport } from './transport.ts';

/** A session of STS, and when it is to be renewed. Times in milliseconds since the Unix epoch. */
export interface Session {
  credential: RequestCredential;
  refreshAt: number;
  expiresAt: number;
}

/** A session is renewed when less than this part of its life is left. */
const refreshPart = 0.25;

function field(credentials: Record<string, unknown>, name: string, action: string): string {
  const value = credentials[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new KmsClientError({
    code: 'InvalidResponse',
    message: `The answer of ${action} has no Credentials.${name}. Check that the endpoint is the KMS.`,
    httpStatus: 200,
    retryable: false,
  });
}

function sessionOf(answer: Record<string, unknown>, action: string, now: number): Session {
  const credentials = (answer['Credentials'] ?? {}) as Record<string, unknown>;
  const expiresAt = Date.parse(field(credentials, 'Expiration', action));
  return {
    credential: {
      kind: 'AccessKey',
      accessKeyId: field(credentials, 'AccessKeyId', action),
      accessKeySecret: field(credentials, 'AccessKeySecret', action),
      securityToken: field(credentials, 'SecurityToken', action),
    },
    refreshAt: expiresAt - (expiresAt - now) * refreshPart,
    expiresAt,
  };
}

/** Calls an action of STS that nobody signs, and reads the session in its answer. Each attempt has parameters of its own. */
export async function assumeUnsigned(
  transport: Transport,
  clock: Clock,
  action: string,
  parameters: () => Readonly<Record<string, unknown>>,
): Promise<Session> {
  // Another session does no harm.
  const mayRepeat = (error: unknown): boolean => isKmsClientError(error) && error.retryable;
  const answer = await retrying({ deadlineMs: 15_000, maxAttempts: 5, mayRepeat }, (signal) =>
    sendAction(transport, clock, {
      version: productVersions.Sts,
      action,
      parameters: parameters(),
      credential: undefined,
      signal,
    }),
  );
  return sessionOf(answer, action, clock.now());
}

/**
 * Gives the credential of a session, and renews it when less than a quarter of its life is left. Calls made meanwhile share
 * one renewal. While a renewal fails, the session serves on until it expires.
 */
export function sessionCredentials(assume: () => Promise<Session>, clock: Clock): CredentialProvider {
  let session: Session | undefined;
  let exchange: Promise<Session> | undefined;
  const renew = (): Promise<Session> => {
    exchange ??= assume().finally(() => (exchange = undefined));
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
