/** What a hook is asked to set where the secret is used: in a database, a cache, on a server. */
export interface RotationRequest {
  readonly secretName: string;
  /** `Rds`, `PolarDB`, `Redis` or `ECS`. */
  readonly secretType: string;
  /** Parsed ExtendedConfig. */
  readonly extendedConfig: Readonly<Record<string, unknown>>;
  /** Names the attempt: the same id always comes with the same pending value, so a repeated request changes nothing. */
  readonly versionId: string;
  /** JSON text of the value in use; absent when the secret is being created. */
  readonly current?: string;
  /** JSON text of the value to set. */
  readonly pending: string;
}

/** Changes credentials where they are used. One for the installation, named by its configuration. */
export interface RotationHook {
  /** Comes back once the pending value works. Throws when that is not sure; then the value before stays current. */
  apply(request: RotationRequest, signal: AbortSignal): Promise<void>;
}
