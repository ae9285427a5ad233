import { readFile } from 'node:fs/promises';

/** One answered request, as an API server's audit log has it (audit.k8s.io/v1 Event, level Metadata). */
export interface AuditedRequest {
  verb: string;
  requestURI: string;
  user: { username: string };
  objectRef?: { resource?: string; subresource?: string; namespace?: string; name?: string };
  responseStatus?: { code?: number };
}

/** The requests of one user so far, each once: a watch is logged when it starts and when it ends. */
export async function requestsOf(logPath: string, username: string): Promise<AuditedRequest[]> {
  const lines = (await readFile(logPath, 'utf8')).split('\n').filter((line) => line !== '');
  const events = lines.map((line) => JSON.parse(line) as AuditedRequest & { auditID: string });
  const once = new Map(events.map((event) => [event.auditID, event]));
  return [...once.values()].filter(({ user }) => user.username === username);
}
