import type { AuditEvent } from '../ports/audit-sink.ts';

/** All given conditions hold. Texts are compared exactly; a `*` at the end of one stands for anything that follows. */
export interface AuditFilter {
  /** `CreateKey`, or with the product `kms:CreateKey`. */
  action?: string;
  principal?: string;
  resource?: string;
  /** `OK`, an error code, or `error` for anything but `OK`. */
  outcome?: string;
  /** Milliseconds since the Unix epoch, inclusive. */
  since?: number;
  /** Milliseconds since the Unix epoch, exclusive. */
  until?: number;
}

/** An event as it stands in the log. */
export interface AuditRecord {
  seq: number;
  recordedAt: number;
  event: AuditEvent;
}

/** Gives the events that the filter selects, in the log's order. Does not verify the chain. */
export function queryAuditLog(
  _lines: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  _filter: AuditFilter = {},
): AsyncIterable<AuditRecord> {
  throw new Error('not written yet');
}
