import type { Checkpoint } from '../crypto/record-chain.ts';
import type { AuditEvent } from '../ports/audit-sink.ts';

/**
 * A record of the audit log is one line of JSON: seq, recordedAt (milliseconds since the Unix epoch), kind, a member
 * named like the kind, prevHash, hash; see `src/crypto/record-chain.ts` for the last two. What callers send stands only
 * inside the member of the kind and as JSON strings, so that it can neither end a line nor take the place of a member.
 */
export type AuditLine =
  | { seq: number; recordedAt: number; kind: 'event'; event: AuditEvent }
  | { seq: number; recordedAt: number; kind: 'checkpoint'; checkpoint: Checkpoint }
  | { seq: number; recordedAt: number; kind: 'recovery'; recovery: Recovery }
  | { seq: number; recordedAt: number; kind: 'outage'; outage: Outage };

/** What a start found after a crash: bytes of a write that never completed, so that nothing in them was acknowledged. */
export interface Recovery {
  tornBytes: number;
  /** File in the log's directory that has them now. */
  movedTo: string;
}

/** A time in which the disk did not take records. `recordedAt` of its record is when it took them again. */
export interface Outage {
  /** Milliseconds since the Unix epoch. */
  since: number;
  /** Records that were acknowledged before they were durable. They stand around this one, in the order of their calls. */
  buffered: number;
  /** Requests that were refused; the log has no record of them. */
  refused: number;
}

const memberKind = /^\{"seq":\d+,"recordedAt":\d+,"kind":"(event|checkpoint|recovery|outage)",/;

/** The members of a record, without braces, from its body as JSON text. */
export function membersOf(kind: AuditLine['kind'], recordedAt: number, body: string): string {
  return `"recordedAt":${recordedAt},"kind":"${kind}","${kind}":${body}`;
}

/** The kind of a line; undefined when it is not a record. Does not parse it. */
export function kindOf(line: Uint8Array): AuditLine['kind'] | undefined {
  const start = Buffer.from(line.buffer, line.byteOffset, Math.min(line.byteLength, 96)).toString('latin1');
  return memberKind.exec(start)?.[1] as AuditLine['kind'] | undefined;
}

/** Parses a line of {@link kindOf} a record; undefined when it is not JSON. */
export function parseAuditLine(line: Uint8Array): AuditLine | undefined {
  const kind = kindOf(line);
  if (kind === undefined) return undefined;
  try {
    const parsed = JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString('utf8')) as AuditLine;
    return typeof (parsed as unknown as Record<string, unknown>)[kind] === 'object' ? parsed : undefined;
  } catch {
    return undefined;
  }
}
