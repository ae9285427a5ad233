import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../../src/lib/clock.ts';
import { isKmsClientError } from '../../../src/client/kms-client-error.ts';
import { messageOf } from '../../../src/lib/errors.ts';
import type { AgentBinding, AgentConfig, AgentEndpoint, AgentSecretSource } from '../agent-config.ts';
import { Refusal } from '../../refusal.ts';
import { mayPass } from '../fetch.ts';
import type { AgentLog, SecretReader, SecretVersion } from '../source-value.ts';
import { AnswerCache } from './answer-cache.ts';
import { answerForms, type AnswerForm, type EndpointFailure } from './answer-forms.ts';
import { EndpointError, readQuery, tokenOf, type EndpointQuery } from './endpoint-request.ts';
import { tokenIn } from './token-file.ts';

/** A binding with the reader of its identity. */
export interface ReadableBinding {
  binding: AgentBinding;
  reader: SecretReader;
}

export interface EndpointOptions {
  log: AgentLog;
  clock: Pick<Clock, 'monotonic'>;
  signal: AbortSignal;
}

/** The endpoint while it runs. */
export interface RunningEndpoint {
  readonly port: number;
  /** Fills the memory with what programs are likely to ask for. Never rejects: what is missing is asked for later. */
  warm(): Promise<void>;
  /** Secrets of a binding may have new values. */
  expire(binding: string): void;
  /** The secrets of a binding were refused: nothing is given without KMS. */
  forget(binding: string): void;
  close(): Promise<void>;
}

/** Starts an endpoint of a configuration. */
export type EndpointFactory = (
  endpoint: AgentEndpoint,
  account: Pick<AgentConfig, 'region' | 'accountId' | 'outageSeconds'>,
  live: readonly ReadableBinding[],
  options: EndpointOptions,
) => Promise<RunningEndpoint>;

/** No address of the pod that another pod could reach. */
const loopback = '127.0.0.1';

/** Connections at one time, as the KMS Agent has it. */
const maxConnections = 800;
const maxHeaderBytes = 8 * 1024;
const requestTimeoutMs = 5000;

/** Where the caller is told whether the endpoint answers at all. Says nothing that needs a token. */
const healthPath = '/ping';

/** A token's digest, and the bindings that it opens. */
interface Grant {
  digest: Buffer;
  bindings: readonly ReadableBinding[];
}

/**
 * Answers programs of the pod in the manner of the KMS Agent: `GET /v1/<secret>` and `GET /secretsmanager/get?secretId=<secret>`
 * on the loopback address, to whoever sends the token of a file that only the containers of a binding have mounted.
 * Nothing but the secrets of those bindings is given; each is asked of KMS as the pod.
 *
 * Rejects when the port is taken.
 */
export const startLocalEndpoint: EndpointFactory = async (endpoint, account, live, options) => {
  const [ttlMs, outageMs] = [endpoint.cacheSeconds * 1000, (account.outageSeconds ?? 0) * 1000];
  const cache = new AnswerCache({ clock: options.clock, ttlMs, outageMs });
  const isOf = (binding: string) => (key: string) => key.startsWith(`${binding}\0`);
  const grants = await Promise.all(endpoint.tokens.map((token) => grantOf(token, live)));
  const form = answerForms[endpoint.responseType];
  const bodyFor = (found: Found): (() => Promise<Buffer>) => {
    return async () => {
      const given = await found.reader.answer(found.version, options.signal);
      return Buffer.from(JSON.stringify(form.value(given, account)));
    };
  };
  const give = async (request: IncomingMessage): Promise<Buffer> => {
    const grant = grantFor(tokenOf(request), grants);
    const query = readQuery(request.method, request.url);
    const found = findSource(grant, query, form);
    return cache.get(found.key, bodyFor(found), query.refreshNow);
  };
  const server = createEndpointServer((request, response) => {
    if (request.method === 'GET' && request.url === healthPath) return answer(response, 200, Buffer.from('"healthy"'));
    void give(request).then(
      (body) => answer(response, 200, body),
      (error: unknown) => {
        const failure = failureOf(error);
        options.log.warn({ status: failure.status, code: failure.code }, 'the local endpoint refused a request');
        answer(response, failure.status, Buffer.from(JSON.stringify(form.failure(failure))));
      },
    );
  });
  const port = await listen(server, endpoint.port);
  return {
    port,
    warm: async () => {
      const all = grants.flatMap(({ bindings }) => bindings).flatMap(ownVersions);
      await Promise.allSettled(all.map(async (found) => (await cache.get(found.key, bodyFor(found))).fill(0)));
    },
    expire: (binding) => cache.expire(isOf(binding)),
    forget: (binding) => cache.clear(isOf(binding)),
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      cache.clear();
    },
  };
};

async function grantOf(
  { file, bindings }: AgentEndpoint['tokens'][number],
  live: readonly ReadableBinding[],
): Promise<Grant> {
  const mine = live.filter(({ binding }) => bindings.includes(binding.name));
  return { digest: digestOf(await tokenIn(file)), bindings: mine };
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function grantFor(token: string, grants: readonly Grant[]): Grant {
  const digest = digestOf(token);
  const found = grants.filter((grant) => timingSafeEqual(grant.digest, digest));
  if (found[0] !== undefined) return found[0];
  throw new EndpointError(
    403,
    'InvalidToken',
    'Send the content of /var/run/kmstoken in the header X-KMS-Token or X-Vault-Token.',
  );
}

/** What to ask the KMS, as whom, and the key in memory. */
interface Found {
  key: string;
  version: SecretVersion;
  reader: SecretReader;
}

function foundFor({ binding, reader }: ReadableBinding, version: SecretVersion): Found {
  const { secretName, versionStage = '', versionId = '' } = version;
  return { key: [binding.name, secretName, versionStage, versionId].join('\0'), version, reader };
}

function secretSources(binding: AgentBinding): AgentSecretSource[] {
  return binding.sources.filter((source): source is AgentSecretSource => 'secretName' in source);
}

/** The versions that a binding names: what is asked for where the program asks for none. */
function ownVersions(entry: ReadableBinding): Found[] {
  return secretSources(entry.binding).map((source) => foundFor(entry, source));
}

/** Among the secrets of the grant alone. A source that fixes its version gives that one and no other. */
function findSource({ bindings }: Grant, query: EndpointQuery, form: AnswerForm): Found {
  const { secretName, versionStage, versionId } = query;
  const asked = {
    ...(versionStage === undefined ? {} : { versionStage: form.stage(versionStage) }),
    ...(versionId === undefined ? {} : { versionId }),
  };
  for (const entry of bindings) {
    const sources = secretSources(entry.binding).filter((source) => source.secretName === secretName);
    for (const own of sources) {
      const isFixed = own.versionStage !== undefined || own.versionId !== undefined;
      const isOwn = Object.entries(asked).every(([field, value]) => own[field as keyof typeof asked] === value);
      if (isOwn) return foundFor(entry, own);
      if (!isFixed) return foundFor(entry, { ...own, ...asked });
    }
  }
  throw new EndpointError(
    404,
    'Forbidden.ResourceNotFound',
    'No SecretBinding of this container with localEndpoint has this secret, in this version, among its sources.',
  );
}

/** What the program is told: the refusal of KMS as it is, without what helps nobody but its operators. */
function failureOf(error: unknown): EndpointFailure {
  if (error instanceof EndpointError) return error;
  if (isKmsClientError(error) && !mayPass(error)) {
    return { status: error.httpStatus, code: error.code, message: error.message };
  }
  if (!mayPass(error)) return { status: 500, code: 'InternalFailure', message: messageOf(error) };
  return { status: 503, code: 'ServiceUnavailableTemporary', message: 'KMS does not answer. Ask again in a moment.' };
}

function createEndpointServer(handler: (request: IncomingMessage, response: ServerResponse) => void): Server {
  const server = createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: 1000,
    },
    handler,
  );
  server.maxConnections = maxConnections;
  return server;
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, loopback);
  await once(server, 'listening').catch((error: unknown) => {
    throw new Refusal(
      `The local endpoint cannot listen on ${loopback}:${port} (${messageOf(error)}). Another container of the pod may have the ` +
        'port: set spec.localEndpoint.port of the SecretBinding to a free one.',
    );
  });
  return (server.address() as AddressInfo).port;
}

function answer(response: ServerResponse, status: number, body: Buffer): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': body.length,
    'cache-control': 'no-store',
  });
  response.end(body, () => body.fill(0));
}
