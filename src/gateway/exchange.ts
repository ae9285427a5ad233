import { principalArn, type Principal } from '../policy/principal.ts';
import type { Action } from '../ports/action.ts';
import type { AuditEvent } from '../ports/audit-sink.ts';
import type { ApiCall } from './protocols/protocol.ts';
import type { WireRequest } from './wire-request.ts';
import type { RecordedDecision } from './enforce.ts';

/** One request on its way through the pipeline, and what has become known about it for the audit record. */
export interface Exchange {
  readonly requestId: string;
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
  readonly request: WireRequest;
  readonly call: ApiCall;
  readonly product: Action['product'];
  principal: Principal;
  /** Whether the action's name is in the table: only then it may label a metric. */
  known: boolean;
  resources: readonly string[];
  permission?: string;
  decision?: Pick<RecordedDecision, 'effect' | 'decidedBy'>;
  dryRun: boolean;
}

const maxActionLength = 64;
const maxKeyIdLength = 128;
const maxUserAgentLength = 256;

function podOf(principal: Principal): AuditEvent['pod'] {
  if (principal.kind !== 'RoleSession' || principal.serviceAccount === undefined) return undefined;
  const { namespace, name, podName, podUid } = principal.serviceAccount;
  return {
    namespace,
    serviceAccount: name,
    ...(podName === undefined ? {} : { name: podName }),
    ...(podUid === undefined ? {} : { uid: podUid }),
  };
}

function callerIdentityOf(principal: Principal): Pick<AuditEvent, 'callerIdentity'> {
  if (principal.kind !== 'RoleSession' || principal.callerIdentity === undefined) return {};
  return { callerIdentity: principal.callerIdentity };
}

/** The audit record of an exchange. What a caller chose freely is cut to a bounded length. */
export function auditEvent(exchange: Exchange, outcome: string): AuditEvent {
  const { call, principal, request, decision } = exchange;
  const accessKeyId = call.proof?.accessKeyId.slice(0, maxKeyIdLength);
  const userAgent = request.headers['user-agent']?.slice(0, maxUserAgentLength);
  const pod = podOf(principal);
  return {
    time: exchange.time,
    requestId: exchange.requestId,
    product: exchange.product,
    action: call.action.slice(0, maxActionLength),
    protocol: call.protocol,
    principal: principalArn(principal),
    ...(accessKeyId === undefined ? {} : { accessKeyId }),
    ...(pod === undefined ? {} : { pod }),
    ...callerIdentityOf(principal),
    sourceIp: request.sourceIp,
    ...(userAgent === undefined ? {} : { userAgent }),
    resources: exchange.resources,
    ...(exchange.permission === undefined ? {} : { permission: exchange.permission }),
    decision: decision?.effect ?? 'None',
    ...(decision === undefined ? {} : { decidedBy: decision.decidedBy }),
    outcome,
    ...(exchange.dryRun ? { dryRun: true } : {}),
  };
}
