import type { AuditEvent, AuditSink } from '../ports/audit-sink.ts';

/** Counts something about events. Neither waits nor throws. */
export interface AuditObserver {
  note(event: AuditEvent): void;
}

/** The sink, with each event that it has made durable noted by the observers. */
export function observedAudit(sink: AuditSink, observers: readonly AuditObserver[]): AuditSink {
  return {
    append: async (event) => {
      await sink.append(event);
      for (const observer of observers) observer.note(event);
    },
    close: () => sink.close(),
  };
}
