import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import { tokenSeconds, type AccessTokens } from './access-tokens.ts';
import type { Caller } from './callers.ts';
import type { HandedSession } from './session-cache.ts';
import type { TokenBuckets } from '../lib/token-buckets.ts';

/** What the handler works with. */
export interface MetadataDependencies {
  /** The pod that has the address; `undefined` unless it is certain. */
  readonly findCaller: (address: string) => Caller | undefined;
  /** Name of the node's role, when the pod may have it. */
  readonly nodeRole: (caller: Caller) => string | undefined;
  /** A session of the node's role. */
  readonly nodeSession: () => Promise<HandedSession>;
  /** A session of the role of the pod's own service account; `undefined` where it has none. */
  readonly podSession: (caller: Caller) => Promise<HandedSession | undefined>;
  readonly tokens: AccessTokens;
  readonly limits: TokenBuckets;
  /** Refuses requests without a token of the hardened mode. */
  readonly hardenedOnly: boolean;
  /** The names that a `Host` header may say: what else arrives here was sent by somebody who believed a foreign name server. */
  readonly hosts: readonly string[];
  /** Path below `/latest/meta-data/` → text, besides the credentials. */
  readonly facts: Readonly<Record<string, string>>;
  readonly log: Logger;
  readonly count: (result: string) => void;
}

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const tokenHeader = 'x-aliyun-ecs-metadata-token';
const ttlHeader = 'x-aliyun-ecs-metadata-token-ttl-seconds';
const tokenPath = '/latest/api/token';
const metadataRoot = '/latest/meta-data/';
const credentialsPath = `${metadataRoot}ram/security-credentials/`;

/** Where `ALIBABA_CLOUD_CREDENTIALS_URI` may point: the role of the pod's own service account. */
export const podCredentialsPath = '/kaap/credentials';

const refusal = (status: number, text: string): Reply => ({ status, text: `${text}\n` });
const notFound = refusal(404, 'There is nothing here for this pod.');

/**
 * Answers the metadata API of ECS instances (hardened and plain mode) for the pods of one node, and the credentials of
 * pods' own roles. Whoever is not certainly one pod of this node gets nothing.
 */
export function createMetadataHandler(
  dependencies: MetadataDependencies,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    request.resume();
    replyTo(dependencies, request)
      .catch((error: unknown) => {
        dependencies.log.warn({ error: messageOf(error) }, 'no session could be had from STS');
        return refusal(503, 'The KMS does not give a session now. Try again.');
      })
      .then(
        (reply) => {
          dependencies.count(String(reply.status));
          send(response, reply);
        },
        () => response.destroy(),
      );
  };
}

function send(response: ServerResponse, { status, text, headers }: Reply): void {
  const json = text.startsWith('{');
  response.writeHead(status, {
    'content-type': json ? 'application/json' : 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(text);
}

async function replyTo(dependencies: MetadataDependencies, request: IncomingMessage): Promise<Reply> {
  const address = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  const caller = dependencies.findCaller(address);
  if (!dependencies.limits.take(caller?.uid ?? address)) return refusal(429, 'Too many requests. Ask less often.');
  const forged = forgeryIn(dependencies, request);
  if (forged !== undefined) return forged;
  if (caller === undefined) return refusal(403, 'No pod of this node is known by this address.');
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  if (path === tokenPath) return issueToken(dependencies, caller, request);
  if (request.method !== 'GET') return refusal(405, 'Use GET.');
  if (path === podCredentialsPath) return podCredentials(dependencies, caller);
  const unproven = missingToken(dependencies, caller, request);
  return unproven ?? metadata(dependencies, caller, path);
}

/** Signs that a request was made on somebody else's behalf: by a proxy, or under a name that is not ours. */
function forgeryIn({ hosts }: MetadataDependencies, { headers }: IncomingMessage): Reply | undefined {
  if (headers['x-forwarded-for'] !== undefined || headers['forwarded'] !== undefined || headers['via'] !== undefined) {
    return refusal(403, 'Requests that came through a proxy are refused.');
  }
  if (headers.host !== undefined && hosts.includes(headers.host)) return undefined;
  return refusal(403, 'The Host header is not the address of the metadata server.');
}

function issueToken({ tokens }: MetadataDependencies, { uid }: Caller, request: IncomingMessage): Reply {
  if (request.method !== 'PUT') return refusal(405, 'Use PUT.');
  const seconds = tokenSeconds(header(request, ttlHeader));
  if (seconds === undefined) return refusal(400, `Give ${ttlHeader}, 1 to 21600.`);
  return { status: 200, text: tokens.issue(uid, seconds), headers: { [ttlHeader]: String(seconds) } };
}

function missingToken(
  { tokens, hardenedOnly }: MetadataDependencies,
  { uid }: Caller,
  request: IncomingMessage,
): Reply | undefined {
  const token = header(request, tokenHeader);
  if (token === undefined) return hardenedOnly ? refusal(401, `Get a token with PUT ${tokenPath} first.`) : undefined;
  return tokens.accepts(token, uid) ? undefined : refusal(401, 'The token is not valid here. Get another.');
}

function header({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

async function metadata(dependencies: MetadataDependencies, caller: Caller, path: string): Promise<Reply> {
  const { facts, nodeSession, log } = dependencies;
  if (!path.startsWith(credentialsPath) && path !== credentialsPath.slice(0, -1)) {
    const fact = path.startsWith(metadataRoot) ? facts[path.slice(metadataRoot.length)] : undefined;
    return fact === undefined ? notFound : { status: 200, text: fact };
  }
  const role = dependencies.nodeRole(caller);
  if (role === undefined) return notFound;
  const asked = path.slice(credentialsPath.length);
  if (asked === '') return { status: 200, text: role };
  if (asked !== role) return notFound;
  const session = await nodeSession();
  const { namespace, name } = caller;
  log.info({ namespace, pod: name, role, accessKeyId: session.credentials.AccessKeyId }, "gave the node's role");
  return { status: 200, text: credentialsText(session) };
}

async function podCredentials({ podSession, log }: MetadataDependencies, caller: Caller): Promise<Reply> {
  const session = await podSession(caller);
  if (session === undefined) return notFound;
  const { namespace, name } = caller;
  log.info({ namespace, pod: name, accessKeyId: session.credentials.AccessKeyId }, "gave the pod's own role");
  return { status: 200, text: credentialsText(session) };
}

function credentialsText({ credentials, obtainedAt }: HandedSession): string {
  const { AccessKeyId, AccessKeySecret, SecurityToken, Expiration } = credentials;
  const LastUpdated = `${new Date(obtainedAt).toISOString().slice(0, 19)}Z`;
  return JSON.stringify({ Code: 'Success', AccessKeyId, AccessKeySecret, SecurityToken, Expiration, LastUpdated });
}
