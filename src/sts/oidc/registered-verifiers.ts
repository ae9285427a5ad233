import type { FetchImplementation, JSONWebKeySet } from 'jose';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Clock } from '../../lib/clock.ts';
import { ApiError } from '../../lib/errors.ts';
import type { FindOidcProvider, OidcProviderEntry } from '../../ports/oidc-providers.ts';
import type { TokenVerifier } from '../../ports/identity.ts';
import { expiredToken, invalidToken } from './claimed-audiences.ts';
import { createJwksVerifier, type JwksSource } from './jwks-verifier.ts';

export interface RegisteredVerifiersOptions {
  readonly find: FindOidcProvider;
  /** How an issuer is asked: with which CA and pins. It must not follow redirects, and bounds what it reads. */
  readonly fetchFor: (entry: OidcProviderEntry) => FetchImplementation;
  readonly clock: Clock;
}

/** How long what an issuer says about itself is believed, in milliseconds. Its keys are renewed on their own. */
const discoveryMs = 600_000;
const timeoutMs = 5000;

/**
 * Verifiers of the providers that are registered at the moment: one that is deleted verifies nothing from then on. Keys are
 * found by OpenID Connect Discovery 1.0 and cached; fails closed when the issuer cannot be asked.
 */
export function createRegisteredVerifiers(
  options: RegisteredVerifiersOptions,
): (name: string) => Promise<TokenVerifier | undefined> {
  const sources = new LRUCache<string, { verifier: TokenVerifier; until: number }>({ max: 200 });
  const { find, clock } = options;
  const keyed = async (entry: OidcProviderEntry, signal: AbortSignal): Promise<TokenVerifier> => {
    const key = `${entry.name} ${entry.revision}`;
    const known = sources.get(key);
    if (known !== undefined && clock.monotonic() < known.until) return known.verifier;
    const jwks = await keySourceOf(entry, options.fetchFor(entry), signal);
    const verifier = createJwksVerifier({ provider: entry.name, issuer: entry.issuer, jwks, clock });
    sources.set(key, { verifier, until: clock.monotonic() + discoveryMs });
    return verifier;
  };
  return async (name) => {
    const entry = await find(name);
    if (entry === undefined) return undefined;
    return {
      provider: name,
      verify: async (token, audience, signal) => {
        if (!entry.clientIds.includes(audience)) throw invalidToken();
        const verified = await (await keyed(entry, signal)).verify(token, audience, signal);
        if (clock.now() - verified.issuedAt > entry.issuanceLimitMs) throw expiredToken();
        return verified;
      },
    };
  };
}

async function keySourceOf(
  { issuer, jwks }: OidcProviderEntry,
  fetch: FetchImplementation,
  signal: AbortSignal,
): Promise<JwksSource> {
  if (jwks !== undefined) return { keys: JSON.parse(jwks) as JSONWebKeySet };
  return { url: await discover(issuer, fetch, signal), fetch, timeoutMs };
}

const discoverySchema = z.object({
  issuer: z.string(),
  jwks_uri: z.url({ protocol: /^https$/ }),
});

/** Where the issuer's keys are, by its own word under its own name (OpenID Connect Discovery 1.0 §4). */
async function discover(issuer: string, fetch: FetchImplementation, signal: AbortSignal): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const request = {
    method: 'GET' as const,
    headers: new Headers({ accept: 'application/json' }),
    redirect: 'manual' as const,
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  };
  const found = discoverySchema.safeParse(await readJson(fetch, url, request));
  if (found.success && found.data.issuer === issuer) return found.data.jwks_uri;
  throw outage('does not describe itself as the issuer that is registered');
}

async function readJson(
  fetch: FetchImplementation,
  url: string,
  request: Parameters<FetchImplementation>[1],
): Promise<unknown> {
  try {
    const response = await fetch(url, request);
    if (response.status !== 200) throw new Error(`status ${response.status}`);
    return await response.json();
  } catch {
    throw outage('cannot be asked for its keys');
  }
}

/** Without the cause: what a fetch throws may quote what it was given. */
function outage(what: string): ApiError {
  return new ApiError(
    'ServiceUnavailableTemporary',
    `The issuer of the OIDC provider ${what}, so no token of it is accepted. Check IssuerUrl, and try again.`,
  );
}
