import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { TokenBuckets } from '../lib/token-buckets.ts';
import type { AuditSink } from '../ports/audit-sink.ts';
import type { ExternalKeySource } from './external-key.ts';
import { operations } from './operations.ts';
import type { PolicyHook } from './policy-hook.ts';
import { ProxyError } from './proxy-error.ts';
import { parseTarget, type RequestMetadata, type Target } from './requests.ts';
import { verifySignature, type SignaturePolicy } from './verify-signature.ts';

/** A logical key store: who may call it, and for which keys. */
export interface ProxyPrefix extends SignaturePolicy {
  /** Ids of the keys that this prefix shows; no other exists for its callers. */
  readonly keyIds: ReadonlySet<string>;
}

/** Buckets of requests. */
export interface ProxyLimits {
  /** One for each access key of each prefix. */
  readonly perCredential?: TokenBuckets | undefined;
  /** One for each key of each prefix. */
  readonly perKey?: TokenBuckets | undefined;
}

export interface ProxyHandlerOptions {
  /** By path, without a slash at the end; the empty path is one too. */
  readonly prefixes: ReadonlyMap<string, ProxyPrefix>;
  readonly keys: ExternalKeySource;
  readonly policy?: PolicyHook;
  /** How often who may call. Health is always answered: it says whether the proxy works. */
  readonly limits?: ProxyLimits;
  readonly audit: AuditSink;
  readonly clock: Clock;
  readonly log: Logger;
}

const maxBodyBytes = 48 * 1024;

/** What becomes known of a request on its way; what the audit log says of it. */
interface Trace {
  target?: Target;
  accessKeyId?: string;
  metadata?: RequestMetadata;
}

/** Answers the XKS proxy API 1.0.3, and `/ping` for load balancers. Bodies are JSON in one line. */
export function createProxyHandler(
  options: ProxyHandlerOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    if (request.method === 'GET' && request.url === '/ping') {
      response.writeHead(200, { 'content-type': 'text/plain' }).end('pong');
      return;
    }
    void exchange(options, request, response);
  };
}

async function exchange(
  options: ProxyHandlerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const trace: Trace = {};
  let status = 200;
  let answer: Record<string, unknown>;
  let outcome = 'OK';
  try {
    answer = await work(options, request, trace);
  } catch (error) {
    const failure = asProxyError(error, options.log);
    status = failure.httpStatus;
    outcome = failure.errorName;
    answer = { errorName: failure.errorName, errorMessage: failure.message };
  }
  try {
    await record(options, request, trace, outcome);
  } catch (error) {
    options.log.error({ error: messageOf(error) }, 'the audit log cannot be written; nothing is answered');
    status = 500;
    answer = { errorName: 'InternalException', errorMessage: 'The audit log cannot be written.' };
  }
  const body = JSON.stringify(answer);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

async function work(
  options: ProxyHandlerOptions,
  request: IncomingMessage,
  trace: Trace,
): Promise<Record<string, unknown>> {
  if (request.method !== 'POST') throw new ProxyError('MethodNotAllowedException', 'Only POST.');
  const target = parseTarget(request.url ?? '');
  const prefix = target === undefined ? undefined : options.prefixes.get(target.prefix);
  if (target === undefined || prefix === undefined) {
    throw new ProxyError('InvalidUriPathException', 'There is no such path here.');
  }
  trace.target = target;
  const body = await readBody(request);
  const accessKeyId = await verifySignature(request, body, prefix, options.clock.now());
  trace.accessKeyId = accessKeyId;
  if (target.operation !== 'health') {
    admit(options.limits?.perCredential, `${target.prefix} ${accessKeyId}`, 'this access key');
  }
  return operations[target.operation]({
    keys: options.keys,
    body,
    keyId: target.keyId,
    authorize: (metadata) => authorize(options, prefix, target, trace, metadata),
  });
}

function admit(buckets: TokenBuckets | undefined, name: string, who: string): void {
  if (buckets === undefined || buckets.take(name)) return;
  throw new ProxyError('ThrottlingException', `There are too many calls with ${who}. Send fewer a second.`);
}

async function authorize(
  { policy, limits }: ProxyHandlerOptions,
  { keyIds }: ProxyPrefix,
  { prefix, operation, keyId = '' }: Target,
  trace: Trace,
  metadata: RequestMetadata,
): Promise<void> {
  trace.metadata = metadata;
  if (!keyIds.has(keyId)) throw new ProxyError('KeyNotFoundException', `There is no key ${keyId} here.`);
  admit(limits?.perKey, `${prefix} ${keyId}`, 'this key');
  if (policy === undefined) return;
  const { kmsRequestId, kmsOperation, awsPrincipalArn, kmsKeyArn } = metadata;
  const question = { prefix, operation, keyId, kmsRequestId, kmsOperation, awsPrincipalArn, kmsKeyArn };
  if (await policy(question)) return;
  throw new ProxyError('AccessDeniedException', 'The policy of the owner of the key denies this.');
}

function record(
  { audit, clock }: ProxyHandlerOptions,
  request: IncomingMessage,
  { target, accessKeyId, metadata }: Trace,
  outcome: string,
): Promise<void> {
  return audit.append({
    time: clock.now(),
    requestId: metadata?.kmsRequestId ?? '',
    product: 'Xki',
    action: target?.operation ?? 'unknown',
    protocol: 'XKS-1.0.3',
    principal: metadata?.awsPrincipalArn ?? 'anonymous',
    ...(accessKeyId !== undefined && { accessKeyId }),
    sourceIp: request.socket.remoteAddress ?? '',
    resources: target?.keyId === undefined ? [] : [`${target.prefix}/keys/${target.keyId}`],
    decision: outcome === 'OK' ? 'Allow' : 'Deny',
    outcome,
  });
}

function asProxyError(error: unknown, log: Logger): ProxyError {
  if (error instanceof ProxyError) return error;
  log.error({ error: messageOf(error) }, 'a request failed');
  return new ProxyError('InternalException', 'The proxy failed.', { cause: error });
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Not destroyed by a refusal: whoever sent too much still gets his answer, on this connection.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) {
      request.resume();
      throw new ProxyError('UnsupportedOperationException', `The body is over ${maxBodyBytes} bytes.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
