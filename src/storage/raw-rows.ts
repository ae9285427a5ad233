/** A row of the store as it lies on disk: what the barrier put there, with its revision. */
export interface RawRow {
  bucket: string;
  key: string;
  revision: number;
  value: Uint8Array;
}

/** All rows at once, for backup and restore. Each store that is durable has one. */
export interface RawRows {
  /** Reads every row as of one moment, those of the barrier first; writers are not kept waiting. */
  read(): AsyncGenerator<RawRow>;
  /** The keys of a bucket, in order. */
  keys(bucket: string): Promise<string[]>;
  /** Whether there is any row. */
  isEmpty(): Promise<boolean>;
  /**
   * Puts rows with their revisions in place of all that is there, at once or not at all. The next revision given out is
   * above `revision` and above every one that was given out before.
   */
  replace(rows: AsyncIterable<RawRow>, revision: number): Promise<void>;
}
