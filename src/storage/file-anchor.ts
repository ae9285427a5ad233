import type { Checkpoint } from '../crypto/record-chain.ts';

/** Keeps the last checkpoint in a file that lives on another disk or mount than the log. */
export interface FileAnchor {
  /** Last checkpoint, at opening or since. */
  readonly last: Checkpoint | undefined;
  /** Replaces the file, in order; a failure is thrown by the next `flush`. */
  anchor(checkpoint: Checkpoint): void;
  /** Resolves when everything that was anchored is durable. */
  flush(): Promise<void>;
}

/** Opens the anchor at `path`; the file need not exist. */
export function openFileAnchor(_path: string): Promise<FileAnchor> {
  throw new Error('not written yet');
}
