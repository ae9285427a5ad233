import { generateKeyPairSync, hash, randomUUID, type KeyObject } from 'node:crypto';
import { SignJWT, type JSONWebKeySet } from 'jose';
import type { Clock } from '../../lib/clock.ts';

/** Whom a token is for. */
export interface TokenRequest {
  namespace: string;
  serviceAccount: string;
  audience: string;
  podName?: string;
  /** 3600 unless given. */
  lifetimeSeconds?: number;
}

/**
 * Stands in for the API server's token controller where there is no cluster: issues the same projected tokens, with the
 * same claims, signed by a key of its own. Its JWKS is what `kms` verifies them with.
 */
export class TokenIssuer {
  readonly issuer: string = 'https://kaap.localhost';
  readonly jwks: JSONWebKeySet;
  readonly #privateKey: KeyObject;
  readonly #clock: Clock;
  readonly #keyId: string = randomUUID();

  constructor(clock: Clock) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#privateKey = privateKey;
    this.#clock = clock;
    this.jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: this.#keyId, alg: 'ES256', use: 'sig' }] };
  }

  /** A signed token (RFC 7519), with the `kubernetes.io` claim of bound service-account tokens. */
  issue(request: TokenRequest): Promise<string> {
    const { namespace, serviceAccount, audience, podName } = request;
    const issuedAt = Math.floor(this.#clock.now() / 1000);
    const pod = podName === undefined ? {} : { pod: { name: podName, uid: uidOf(`pod/${namespace}/${podName}`) } };
    const serviceaccount = { name: serviceAccount, uid: uidOf(`serviceaccount/${namespace}/${serviceAccount}`) };
    return new SignJWT({ 'kubernetes.io': { namespace, serviceaccount, ...pod } })
      .setProtectedHeader({ alg: 'ES256', kid: this.#keyId })
      .setIssuer(this.issuer)
      .setSubject(`system:serviceaccount:${namespace}:${serviceAccount}`)
      .setAudience(audience)
      .setIssuedAt(issuedAt)
      .setNotBefore(issuedAt)
      .setExpirationTime(issuedAt + (request.lifetimeSeconds ?? 3600))
      .sign(this.#privateKey);
  }
}

/** One uid for each service account and pod, also after a restart: nothing is made again where there is no cluster. */
function uidOf(of: string): string {
  const digits = hash('sha256', of, 'hex');
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    digits.slice(12, 16),
    digits.slice(16, 20),
    digits.slice(20, 32),
  ].join('-');
}
