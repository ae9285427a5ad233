import type { Clock } from '../lib/clock.ts';
import { ApiError } from '../lib/errors.ts';
import type { Principal } from '../policy/principal.ts';
import type { AccessKeyCredential, Credential, CredentialSource } from '../ports/identity.ts';
import type { NonceClaim, NonceStore } from './nonce-store.ts';
import type { Proof } from './protocols/protocol.ts';
import { maxSkewMs } from './request-time.ts';
import { decoyKey } from './signature.ts';

export interface AuthenticationDependencies {
  readonly credentials: CredentialSource;
  readonly nonces: NonceStore;
  readonly clock: Clock;
}

/** Longer ids are of nobody; they are not looked up. */
const maxKeyIdLength = 128;
const maxNonceLength = 256;

function checkTimestamp(proof: Proof, now: number): void {
  if (Math.abs(now - proof.timestamp) <= maxSkewMs) return;
  const message =
    'The timestamp is more than 15 minutes from the server time. Set the clock, and sign each request anew.';
  throw new ApiError(proof.expiredCode, message);
}

/** Whether the credential may sign now. Asked after the signature is known to be right, so that only its owner learns it. */
function checkUsable(credential: Credential, now: number): void {
  if (credential.kind === 'AccessKey') {
    if (!credential.active) throw new ApiError('InvalidAccessKeyId.Inactive', 'The access key is not active.');
    if (credential.principal.kind === 'RoleSession' && credential.principal.expiresAt <= now) {
      throw new ApiError('InvalidSecurityToken.Expired', 'The session has expired. Assume the role again.');
    }
    return;
  }
  if (now < credential.notBefore || now >= credential.notAfter) {
    throw new ApiError('InvalidAccessKeyId.Inactive', 'The client key is not valid at this time.');
  }
}

async function claimNonce(nonces: NonceStore, proof: Proof, early: NonceClaim | undefined): Promise<void> {
  if (proof.nonce === undefined) return;
  if (proof.nonce.length > maxNonceLength) {
    throw new ApiError('InvalidParameter', `The signature nonce is longer than ${maxNonceLength} characters.`);
  }
  const claim = early ?? (await nonces.claim(proof.accessKeyId, proof.nonce));
  if (claim === 'used') {
    throw new ApiError('SignatureNonceUsed', 'The signature nonce was used before. Send a new one with each request.');
  }
  if (claim === 'full') {
    throw new ApiError('Rejected.Throttling', 'Too many requests in the last half hour. Try again later.');
  }
}

/** What was found out with a credential that may be out of date. */
interface Beginning {
  readonly credential: AccessKeyCredential;
  readonly matches: boolean;
  /** Made only if the signature matches. */
  readonly claim: NonceClaim | undefined;
}

/**
 * Where a claim is a look for changes, too, both are asked for at once: the signature is verified, and the nonce claimed, with
 * the access key as it was known last. Nothing is decided by it: it counts only once the key was found unchanged. What
 * somebody may do with a key that is gone is to use up nonces of his own.
 */
async function begin(
  { nonces, credentials }: AuthenticationDependencies,
  proof: Proof,
): Promise<Beginning | undefined> {
  const { accessKeyId, keyKind, nonce } = proof;
  if (nonces.claimsLook !== true || nonce === undefined || nonce.length > maxNonceLength) return undefined;
  const credential = keyKind === 'AccessKey' ? credentials.recall?.(accessKeyId) : undefined;
  if (credential === undefined) return undefined;
  const matches = proof.verify(credential);
  return { credential, matches, claim: matches ? await nonces.claim(accessKeyId, nonce) : undefined };
}

/** The beginning, if it was made with this very credential. */
function standing(begun: Beginning | undefined, credential: Credential | undefined): Beginning | undefined {
  return credential?.kind === 'AccessKey' && credential.secret === begun?.credential.secret ? begun : undefined;
}

/**
 * Verifies a signature and tells who made it. An unknown key id goes the way of a wrong signature up to the answer
 * (checklist C11); a nonce counts as used only once its signature is right, so that nobody uses up another's.
 *
 * @throws ApiError of the codes of the RPC gateway: InvalidTimeStamp.Expired, InvalidAccessKeyId.*, SignatureDoesNotMatch,
 * SignatureNonceUsed, InvalidSecurityToken.*.
 */
export async function authenticate(dependencies: AuthenticationDependencies, proof: Proof): Promise<Principal> {
  const now = dependencies.clock.now();
  checkTimestamp(proof, now);
  const begun = await begin(dependencies, proof);
  const credential =
    proof.accessKeyId.length > maxKeyIdLength
      ? undefined
      : await dependencies.credentials.find(proof.accessKeyId, proof.securityToken);
  const genuine = credential?.kind === proof.keyKind ? credential : undefined;
  const matches = standing(begun, genuine)?.matches ?? proof.verify(genuine ?? decoyKey(proof.keyKind));
  if (credential === undefined) {
    throw new ApiError('InvalidAccessKeyId.NotFound', 'Specified access key is not found.');
  }
  if (genuine === undefined || !matches) throw new ApiError('SignatureDoesNotMatch', proof.mismatchMessage);
  checkUsable(genuine, now);
  await claimNonce(dependencies.nonces, proof, begun?.claim);
  return genuine.principal;
}
