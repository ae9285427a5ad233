/** What happened, as the caller of the sink knows it; the sink adds sequence number, time of record and chain hashes. */
export interface AuditEvent {
  /** Milliseconds since the Unix epoch at which the request was accepted. */
  time: number;
  requestId: string;
  product: string;
  action: string;
  protocol: string;
  /** ARN of the caller, or `anonymous`. */
  principal: string;
  /** Access key or client key id that signed; absent for anonymous calls. */
  accessKeyId?: string;
  /** The pod behind the caller, when its token named one. */
  pod?: { namespace: string; serviceAccount: string; name?: string; uid?: string };
  /** ARN of the session in another cloud account behind the caller, when its STS proved one. */
  callerIdentity?: string;
  sourceIp: string;
  userAgent?: string;
  /** ARNs the action was about. */
  resources: readonly string[];
  /** The permission that was asked for on all of them, where the action alone does not say. */
  permission?: string;
  decision: 'Allow' | 'Deny' | 'None';
  /** The rule that decided, such as `RamPolicy/ci statement 2`. */
  decidedBy?: string;
  /** `OK` or the error code that was answered. */
  outcome: string;
  dryRun?: true;
}

/** Receives audit events. `append` resolves once the record is durable; an answer leaves only after that. */
export interface AuditSink {
  append(event: AuditEvent): Promise<void>;
  close(): Promise<void>;
}
