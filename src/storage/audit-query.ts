import type { AuditEvent } from '../ports/audit-sink.ts';
import { kindOf, parseAuditLine } from './audit-lines.ts';

/** All given conditions hold. Texts are compared exactly; a `*` at the end of one stands for anything that follows. */
export interface AuditFilter {
  /** `CreateKey`, or with the product `kms:CreateKey`. */
  action?: string;
  /** ARN of the caller. */
  principal?: string;
  /** Access key or client key that signed. */
  accessKeyId?: string;
  sourceIp?: string;
  /** `<namespace>/<name>` of the pod behind the caller. */
  pod?: string;
  requestId?: string;
  /** ARN that the action was about: one of the event's resources. */
  resource?: string;
  /** `OK`, an error code, or `error` for anything but `OK`. */
  outcome?: string;
  /** Whether Shadow mode let a call pass that the policies deny. */
  wouldDeny?: boolean;
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

/** One test per condition of the filter; the value is never undefined. */
const conditions: {
  readonly [K in keyof AuditFilter]-?: (event: AuditEvent, value: NonNullable<AuditFilter[K]>) => boolean;
} = {
  action: (event, value) => matches(value.includes(':') ? `${event.product}:${event.action}` : event.action, value),
  principal: (event, value) => matches(event.principal, value),
  accessKeyId: (event, value) => matches(event.accessKeyId ?? '', value),
  sourceIp: (event, value) => matches(event.sourceIp, value),
  pod: (event, value) => event.pod !== undefined && matches(`${event.pod.namespace}/${event.pod.name ?? ''}`, value),
  requestId: (event, value) => event.requestId === value,
  resource: (event, value) => event.resources.some((resource) => matches(resource, value)),
  outcome: (event, value) => (value === 'error' ? event.outcome !== 'OK' : matches(event.outcome, value)),
  wouldDeny: (event, value) => (event.decidedBy?.startsWith('shadow:') === true) === value,
  since: (event, value) => event.time >= value,
  until: (event, value) => event.time < value,
};

function matches(text: string, pattern: string): boolean {
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}

/** Whether the filter selects the event. */
export function selects(filter: AuditFilter, event: AuditEvent): boolean {
  return (Object.keys(conditions) as (keyof AuditFilter)[]).every((name) => {
    const holds = conditions[name] as (event: AuditEvent, value: unknown) => boolean;
    return filter[name] === undefined || holds(event, filter[name]);
  });
}

/**
 * Gives the events that the filter selects, in the log's order. Does not verify the chain, but throws at a line that is
 * no record; a last line without its line feed is still being written and is left out.
 */
export async function* queryAuditLog(
  lines: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  filter: AuditFilter = {},
): AsyncGenerator<AuditRecord> {
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (line.at(-1) !== 10) return;
    if (kindOf(line) === 'checkpoint') continue;
    const record = parseAuditLine(line);
    if (record === undefined)
      throw new Error(`Line ${number} of the audit log is not a record. Run "kaap audit verify".`);
    if (record.kind !== 'event' || !selects(filter, record.event)) continue;
    yield { seq: record.seq, recordedAt: record.recordedAt, event: record.event };
  }
}
