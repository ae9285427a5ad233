/** A signed head of an audit log, as `src/crypto/record-chain.ts` makes it. */
export interface AnchoredHead {
  /** Number of the record. */
  seq: number;
  /** SHA-256 of the record, 64 lower-case hexadecimal digits. */
  hash: string;
  /** Ed25519, base64. */
  signature: string;
}

/** Keeps the last checkpoint of an audit log where whoever can cut the log cannot easily change it too. */
export interface AuditAnchor {
  /** Last checkpoint, at opening or since. */
  readonly last: AnchoredHead | undefined;
  /** False from a write that failed until one that did not. For the alarm. */
  readonly healthy: boolean;
  /** Replaces what is kept. Of checkpoints that come while one is being written, the last is kept. */
  readonly anchor: (checkpoint: AnchoredHead) => void;
  /** Resolves when the last checkpoint is durable; rejects when it could not be written. */
  flush(): Promise<void>;
}
