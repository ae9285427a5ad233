/** What a TokenReview asks (authentication.k8s.io/v1 TokenReviewSpec). */
export interface TokenReviewSpec {
  readonly token: string;
  readonly audiences: readonly string[];
}

/** What the API server answers (authentication.k8s.io/v1 TokenReviewStatus). */
export interface TokenReviewStatus {
  readonly authenticated?: boolean;
  /** Those of the asked audiences that the token is for. */
  readonly audiences?: readonly string[];
  readonly user?: {
    readonly username?: string;
    readonly uid?: string;
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
}

/** Asks an API server about a token. Rejects when there is no answer; its errors hold no part of the token. */
export type ReviewToken = (spec: TokenReviewSpec, signal: AbortSignal) => Promise<TokenReviewStatus>;
