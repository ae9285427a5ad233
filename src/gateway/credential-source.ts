import { createPublicKey, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.ts';
import { ApiError } from '../lib/errors.ts';
import type { Principal } from '../policy/principal.ts';
import type { ClientKeyEntry, FindClientKey } from '../ports/access-point-directory.ts';
import type { AccessKeyCredential, Credential, CredentialSource } from '../ports/identity.ts';
import type { ValueReader } from '../ports/store.ts';
import { findAccessKey, recallAccessKey, type AccessKey } from '../ram/access-keys.ts';
import { createSessionOpener, type SessionOpener } from '../sts/session-token.ts';

export interface CredentialSourceOptions {
  readonly store: ValueReader;
  readonly accountId: string;
  /** Opens session tokens; the key that STS seals them with. */
  readonly sessionKey: KeyObject;
  readonly clock: Clock;
  readonly findClientKey: FindClientKey;
}

const SESSION_PREFIX = 'STS.';
const CLIENT_KEY_PREFIX = 'KAAP.';

/**
 * Finds what an access key id stands for: access keys of the account and of RAM users, keys of STS sessions by their token,
 * client keys of access points.
 *
 * `find` throws ApiError `MissingSecurityToken`, `InvalidSecurityToken.Malformed`, `.Expired`, `.MismatchWithAccessKey`.
 */
export function createCredentialSource(options: CredentialSourceOptions): CredentialSource {
  const { store, accountId, sessionKey, findClientKey } = options;
  const nowMs = steadyNow(options.clock);
  const openToken = createSessionOpener(sessionKey);
  return {
    find: async (accessKeyId, securityToken) => {
      if (accessKeyId.startsWith(SESSION_PREFIX)) return openSession(accessKeyId, securityToken, openToken, nowMs());
      if (securityToken !== undefined && securityToken !== '') {
        throw new ApiError(
          'InvalidSecurityToken.MismatchWithAccessKey',
          'A security token goes with an access key of STS only. Leave it out.',
        );
      }
      if (accessKeyId.startsWith(CLIENT_KEY_PREFIX)) {
        const entry = await findClientKey(accessKeyId);
        return entry === undefined ? undefined : clientKeyCredential(entry, accountId);
      }
      const key = await findAccessKey(store, accessKeyId);
      return key === undefined ? undefined : accessKeyCredential(key, accountId);
    },
    recall: (accessKeyId) => {
      const key = recallAccessKey(store, accessKeyId);
      return key === undefined ? undefined : accessKeyCredential(key, accountId);
    },
  };
}

/** The clock's time, never earlier than it was: a clock stepped back does not open a session again that was over. */
function steadyNow(clock: Clock): () => number {
  let latest = Number.NEGATIVE_INFINITY;
  return () => {
    latest = Math.max(latest, clock.now());
    return latest;
  };
}

function openSession(
  accessKeyId: string,
  securityToken: string | undefined,
  openToken: SessionOpener,
  nowMs: number,
): Credential {
  if (securityToken === undefined || securityToken === '') {
    throw new ApiError(
      'MissingSecurityToken',
      'An access key of STS needs its SecurityToken. Send the one it came with.',
    );
  }
  const { session, secret } = openToken(securityToken, accessKeyId, nowMs);
  return { kind: 'AccessKey', accessKeyId, secret, principal: session, active: true };
}

function accessKeyCredential(
  { accessKeyId, secret, owner, active }: AccessKey,
  accountId: string,
): AccessKeyCredential {
  const principal: Principal = { ...owner, accountId, accessKeyId };
  return { kind: 'AccessKey', accessKeyId, secret, principal, active };
}

/** Parsing a certificate costs more than verifying a signature with it. */
const publicKeys = new LRUCache<string, KeyObject>({ max: 10_000 });

function clientKeyCredential(entry: ClientKeyEntry, accountId: string): Credential {
  const { clientKeyId, accessPoint, publicKeyPem, notBefore, notAfter } = entry;
  const publicKey = publicKeys.get(publicKeyPem) ?? createPublicKey(publicKeyPem);
  publicKeys.set(publicKeyPem, publicKey);
  const principal: Principal = { kind: 'ClientKey', accountId, accessPoint, accessKeyId: clientKeyId };
  return { kind: 'ClientKey', accessKeyId: clientKeyId, publicKey, principal, notBefore, notAfter };
}
