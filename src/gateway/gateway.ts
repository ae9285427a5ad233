import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError } from '../lib/errors.ts';
import type { ActionPlan, AnyAction, RequestContext } from '../ports/action.ts';
import { createActionTable, type ActionTable } from './action-table.ts';
import { authenticate } from './authenticate.ts';
import { decodeInput, isDryRun } from './decode-input.ts';
import { Departure } from './departure.ts';
import type { GatewayDependencies } from './dependencies.ts';
import { jsonAnswers, type Answer } from './encode.ts';
import { enforce } from './enforce.ts';
import { auditEvent, type Exchange } from './exchange.ts';
import { toApiError } from './failure.ts';
import { createJointTurn } from './joint-turn.ts';
import { acs3 } from './protocols/acs3.ts';
import { generateRandom } from './protocols/instance/generate-random.ts';
import { hashMessage } from './protocols/instance/hash.ts';
import { instance } from './protocols/instance/protocol.ts';
import type { ApiCall, Protocol } from './protocols/protocol.ts';
import { rpcV1 } from './protocols/rpc-v1.ts';
import { noRateLimits, RateLimiter } from './rate-limit.ts';
import { createRequestIds } from './request-id.ts';
import { routes, type Route } from './routes.ts';
import { createSourceAddress, type SourceAddress } from './source-address.ts';
import { readWireRequest, splitTarget, type WireRequest } from './wire-request.ts';

export type { GatewayDependencies } from './dependencies.ts';

/** Answers requests: give it to `https.createServer`. */
export type Gateway = (request: IncomingMessage, response: ServerResponse) => void;

interface Workings extends GatewayDependencies {
  readonly table: ActionTable;
  readonly sourceAddress: SourceAddress;
  readonly rateLimiter: RateLimiter;
  readonly newRequestId: () => string;
  readonly jointTurn: () => Promise<void>;
}

/** In the order of asking; the last one takes whatever is left. */
const protocols: readonly Protocol[] = [acs3, instance, rpcV1];

const defaultMaxBodyBytes = 3 * 1024 * 1024;

/**
 * Makes the gateway: every protocol in, one pipeline, the same protocol out. Bytes → protocol → authentication → action
 * table → decoding → plan → policy decision → work → durable audit record → answer.
 *
 * Every request that could be read is audited, refused ones too, and the answer leaves after its record is durable. When
 * the record cannot be made, the caller gets `ServiceUnavailableTemporary` and no result.
 */
export function createGateway(dependencies: GatewayDependencies): Gateway {
  const workings: Workings = {
    ...dependencies,
    table: createActionTable([...dependencies.actions, generateRandom(dependencies.random), hashMessage()]),
    sourceAddress: createSourceAddress(dependencies.trustedProxies ?? []),
    rateLimiter: new RateLimiter(dependencies.rateLimits ?? noRateLimits, dependencies.clock),
    newRequestId: createRequestIds(dependencies.random),
    jointTurn: createJointTurn(),
  };
  const handlers: Readonly<Record<Route, Handler>> = {
    api: answerApi,
    liveness: answerLiveness,
    readiness: answerReadiness,
  };
  return (request, response) => {
    const requestId = workings.newRequestId();
    const { path } = splitTarget(request.url ?? '');
    const row = routes.get(path);
    const refusal = refusedRoute(row?.methods, request.method ?? '', path);
    if (row === undefined || refusal !== undefined) {
      send(response, requestId, jsonAnswers.error(requestId, refusal ?? notHere(path)));
      return;
    }
    handlers[row.route](workings, request, response, requestId).catch((error: unknown) => {
      const failure = toApiError(error, 'Kms', requestId, workings.log);
      send(response, requestId, jsonAnswers.error(requestId, failure));
    });
  };
}

type Handler = (
  workings: Workings,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
) => Promise<void>;

function notHere(path: string): ApiError {
  return new ApiError(
    'InvalidApi.NotFound',
    `Nothing is at ${JSON.stringify(path.slice(0, 64))}. Send API calls to /.`,
  );
}

function refusedRoute(methods: readonly string[] | undefined, method: string, path: string): ApiError | undefined {
  if (methods === undefined) return notHere(path);
  if (methods.includes(method)) return undefined;
  return new ApiError('UnsupportedHTTPMethod', `Use ${methods.join(' or ')}.`);
}

function answerLiveness(
  _workings: Workings,
  _request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  send(response, requestId, { status: 200, contentType: 'text/plain;charset=utf-8', body: 'ok\n' });
  return Promise.resolve();
}

function answerReadiness(
  workings: Workings,
  _request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  const reason = workings.notReady?.();
  const status = reason === undefined ? 200 : 503;
  send(response, requestId, { status, contentType: 'text/plain;charset=utf-8', body: `${reason ?? 'ok'}\n` });
  return Promise.resolve();
}

async function answerApi(
  workings: Workings,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  const startedAt = workings.clock.monotonic();
  const maxBodyBytes = workings.maxBodyBytes ?? defaultMaxBodyBytes;
  const wire = await readWireRequest(request, workings.sourceAddress(request), maxBodyBytes);
  await workings.jointTurn();
  const protocol = protocols.find((candidate) => candidate.recognizes(wire)) ?? rpcV1;
  const exchange = openExchange(workings, protocol, wire, requestId);
  if (exchange instanceof ApiError) {
    measure(workings, undefined, exchange.code, startedAt);
    send(response, requestId, protocol.answersFor(wire).error(requestId, exchange));
    return;
  }
  const { answer, outcome } = await settle(workings, exchange, new Departure(response));
  measure(workings, exchange, outcome, startedAt);
  send(response, requestId, answer);
}

/** Reads what the request asks for; an ApiError when it cannot be read. */
function openExchange(
  workings: Workings,
  protocol: Protocol,
  request: WireRequest,
  requestId: string,
): Exchange | ApiError {
  try {
    const call = protocol.parse(request);
    const product = workings.table.product(call.version);
    if (product === undefined) {
      return new ApiError('InvalidVersion', 'No product has this Version. KMS is 2016-01-20, STS 2015-04-01.');
    }
    return {
      requestId,
      time: workings.clock.now(),
      request,
      call,
      product,
      principal: { kind: 'Anonymous' },
      known: false,
      resources: [],
      dryRun: false,
    };
  } catch (error) {
    return toApiError(error, 'Kms', requestId, workings.log);
  }
}

/** Does the work, makes the record, and only then gives the answer. */
async function settle(
  workings: Workings,
  exchange: Exchange,
  departure: Departure,
): Promise<{ answer: Answer; outcome: string }> {
  const { requestId, product, call } = exchange;
  const outcome = await perform(workings, exchange, departure).catch((error: unknown) =>
    toApiError(error, product, requestId, workings.log),
  );
  const code = outcome instanceof ApiError ? outcome.code : 'OK';
  try {
    await workings.audit.append(auditEvent(exchange, code));
  } catch (error) {
    workings.log.error(
      { requestId, error: error instanceof Error ? error.name : 'unknown' },
      'a request could not be audited',
    );
    const refusal = new ApiError('ServiceUnavailableTemporary', 'The request could not be audited. Try again later.');
    return { answer: call.answers.error(requestId, refusal), outcome: refusal.code };
  }
  const answer =
    outcome instanceof ApiError
      ? call.answers.error(requestId, outcome)
      : call.answers.result(product, call.action, requestId, outcome);
  return { answer, outcome: code };
}

/** Everything between reading and recording. Notes in `exchange` what it learns. */
async function perform(workings: Workings, exchange: Exchange, departure: Departure): Promise<Record<string, unknown>> {
  const { call, product } = exchange;
  const action = workings.table.find(product, call.action);
  exchange.known = action !== undefined;
  exchange.principal = await identify(workings, call, action);
  workings.rateLimiter.admit(exchange.principal, exchange.request.sourceIp);
  if (action === undefined)
    throw new ApiError('InvalidApi.NotFound', 'The product has no such action. Check its name and Version.');
  const dryRun = isDryRun(call.parameters);
  exchange.dryRun = dryRun;
  const input = decodeInput(action, call.parameters);
  const rehearsal = dryRun ? action.rehearsal?.() : undefined;
  const plan = await (rehearsal ?? action).plan(input, contextOf(exchange, departure));
  exchange.resources = resourcesOf(plan.access);
  if (plan.permission !== undefined) exchange.permission = plan.permission;
  if (action.anonymous !== true && action.unauthorized !== true) await authorize(workings, exchange, plan.access);
  if (!dryRun) return plan.run();
  // A dry run never succeeds (KMS: DryRun).
  if (rehearsal !== undefined) await plan.run();
  throw dryRunPassed(rehearsal !== undefined);
}

/** Each of them once. Most calls ask for one. */
function resourcesOf(access: ActionPlan['access']): readonly string[] {
  const [first] = access;
  if (first !== undefined && access.length === 1) return [first.resource];
  return [...new Set(access.map(({ resource }) => resource))];
}

function dryRunPassed(isRehearsed: boolean): ApiError {
  const found = isRehearsed ? 'The call would have succeeded' : 'You are allowed to do this';
  return new ApiError('DryRunOperationError', `${found}; DryRun is set, so nothing was done.`);
}

function identify(
  workings: Workings,
  call: ApiCall,
  action: AnyAction | undefined,
): Promise<Exchange['principal']> | Exchange['principal'] {
  if (call.proof !== undefined) return authenticate(workings, call.proof);
  if (action?.anonymous === true) return { kind: 'Anonymous' };
  throw new ApiError(
    'MissingAccessKeyId',
    'The request is not signed. Sign it with an access key, an STS session or a client key.',
  );
}

function contextOf(exchange: Exchange, departure: Departure): RequestContext {
  const { principal, requestId, time, request } = exchange;
  const { sourceIp, secureTransport } = request;
  return {
    principal,
    requestId,
    time,
    sourceIp,
    secureTransport,
    get signal() {
      return departure.signal;
    },
  };
}

async function authorize(workings: Workings, exchange: Exchange, access: Parameters<typeof enforce>[3]): Promise<void> {
  const { time, product, principal, request } = exchange;
  const context = { time, sourceIp: request.sourceIp, secureTransport: request.secureTransport };
  const decision = await enforce(workings.policySource, product, principal, access, context);
  exchange.decision = decision;
  if (decision.refusal !== undefined) throw decision.refusal;
}

/** Labels come from the action table: a caller cannot make new ones. */
function measure(workings: Workings, exchange: Exchange | undefined, code: string, startedAt: number): void {
  if (workings.metrics === undefined) return;
  const action = exchange?.known === true ? exchange.call.action : 'unknown';
  const labels = { product: exchange?.product ?? 'unknown', action };
  workings.metrics.count('kaap_requests_total', { ...labels, code });
  workings.metrics.observe('kaap_request_duration_seconds', (workings.clock.monotonic() - startedAt) / 1000, labels);
}

function send(response: ServerResponse, requestId: string, answer: Answer): void {
  if (response.headersSent || response.destroyed) return;
  const unread = !response.req.complete;
  response.writeHead(answer.status, {
    ...answer.headers,
    'content-type': answer.contentType,
    'content-length': Buffer.byteLength(answer.body),
    'cache-control': 'no-store',
    'x-acs-request-id': requestId,
    // What is left of an unread body must not be taken for the next request.
    ...(unread ? { connection: 'close' } : {}),
  });
  response.end(answer.body);
}
