/** An OIDC provider that an administrator registered: another cluster, or any issuer of tokens. */
export interface OidcProviderEntry {
  readonly name: string;
  /** The tokens' `iss`, matched exactly; an https URL. */
  readonly issuer: string;
  /** The audiences that its tokens may be for. */
  readonly clientIds: readonly string[];
  /** SHA-1 or SHA-256 of certificates in lower-case hex, one of which the issuer's TLS chain must hold. Any when empty. */
  readonly fingerprints: readonly string[];
  /** The certificate authority of the issuer's TLS certificate; those of the system when absent. */
  readonly caPem?: string;
  /** The issuer's keys as a JSON Web Key Set, JSON text. Then the issuer is never asked. */
  readonly jwks?: string;
  /** How old a token may be, in milliseconds. */
  readonly issuanceLimitMs: number;
  /** Changes with every change of the entry. */
  readonly revision: number;
}

/** Finds a registered provider by its name; `undefined` when there is none. */
export type FindOidcProvider = (name: string) => Promise<OidcProviderEntry | undefined>;
