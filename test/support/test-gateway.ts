import { randomBytes } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import { z } from 'zod';
import { ManualClock, type Clock } from '../../src/lib/clock.ts';
import { startHttpServer, type HttpServer } from '../../src/lib/http-server.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { SecretBytes } from '../../src/lib/secret-bytes.ts';
import type { PolicySet } from '../../src/policy/policy-set.ts';
import type { Principal } from '../../src/policy/principal.ts';
import { defineAction, type AnyAction, type RequestContext } from '../../src/ports/action.ts';
import type { AuditEvent, AuditSink } from '../../src/ports/audit-sink.ts';
import type { Credential } from '../../src/ports/identity.ts';
import { createGateway, type GatewayDependencies } from '../../src/gateway/gateway.ts';
import { MemoryNonceStore } from '../../src/gateway/nonce-store.ts';
import { signRequest } from '../../src/client/sign-request.ts';
import { testAuthority } from './tls.ts';

export const testAccount = '1000000000000000';

/** An audit sink that keeps its events, and fails while told to. */
export class MemoryAuditSink implements AuditSink {
  readonly events: AuditEvent[] = [];
  failing = false;
  /** Awaited before an event counts as recorded. */
  gate: Promise<void> = Promise.resolve();

  async append(event: AuditEvent): Promise<void> {
    await this.gate;
    if (this.failing) throw new Error('disk full at canary-path');
    this.events.push(event);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** What the test actions did and were told. */
export interface ActionTrace {
  runs: string[];
  contexts: RequestContext[];
}

const keyInput = z.object({ KeyId: z.string(), Plaintext: z.string().optional() });

/** A few rows: one that needs a permission, ones that need none, and ones that go wrong. */
export function testActions(trace: ActionTrace): readonly AnyAction[] {
  const arn = (id: string): string => `acs:kms:local:${testAccount}:key/${id}`;
  const keyAction = (name: string, work: (input: z.infer<typeof keyInput>) => Record<string, unknown>): AnyAction =>
    defineAction({
      name,
      product: 'Kms',
      input: keyInput,
      plan: (input, context) => {
        trace.contexts.push(context);
        return {
          access: [{ action: `kms:${name}`, resource: arn(input.KeyId), scope: 'shared' }],
          run: () => {
            trace.runs.push(name);
            return Promise.resolve(work(input));
          },
        };
      },
    });
  return [
    keyAction('Encrypt', ({ KeyId }) => ({ KeyId, CiphertextBlob: 'QUJD' })),
    keyAction('DisableKey', () => ({})),
    keyAction('DescribeKey', ({ KeyId }) => ({ KeyMetadata: { KeyId, Description: 'a & b' } })),
    keyAction('EnableKey', ({ Plaintext }) => JSON.parse(`broken ${Plaintext}`) as Record<string, unknown>),
    defineAction({
      name: 'DescribeRegions',
      product: 'Kms',
      unauthorized: true,
      input: z.unknown(),
      plan: (input) => ({ access: [], run: () => Promise.resolve({ Echo: input }) }),
    }),
    defineAction({
      name: 'AssumeRoleWithOIDC',
      product: 'Sts',
      anonymous: true,
      input: z.object({ RoleArn: z.string() }),
      plan: () => ({ access: [], run: () => Promise.resolve({ Credentials: { AccessKeyId: 'STS.1' } }) }),
    }),
  ];
}

export const rootSecret = 'root-secret';

/** `root` may do everything, `nobody` nothing, `retired` is switched off, `pod` came through the access point `shop`. */
export function testCredentials(): Map<string, Credential> {
  const key = (accessKeyId: string, principal: Principal, active = true): [string, Credential] => [
    accessKeyId,
    { kind: 'AccessKey', accessKeyId, secret: SecretBytes.fromUtf8(rootSecret), principal, active },
  ];
  const user = (name: string): Principal => ({
    kind: 'RamUser',
    accountId: testAccount,
    userName: name,
    accessKeyId: name,
  });
  return new Map([
    key('root', { kind: 'Account', accountId: testAccount, accessKeyId: 'root' }),
    key('nobody', user('nobody')),
    key('retired', user('retired'), false),
    key('pod', {
      kind: 'RoleSession',
      accountId: testAccount,
      roleName: 'shop',
      sessionName: 'pod',
      accessKeyId: 'pod',
      expiresAt: Number.MAX_SAFE_INTEGER,
      accessPoint: 'shop',
    }),
  ]);
}

export interface TestGateway {
  readonly endpoint: string;
  readonly host: string;
  readonly caPem: string;
  readonly clock: Clock;
  readonly audit: MemoryAuditSink;
  readonly trace: ActionTrace;
  readonly credentials: Map<string, Credential>;
  readonly server: HttpServer;
  /** By access key id; nothing unless set. */
  readonly policies: Map<string, PolicySet>;
  close(): Promise<void>;
}

/** A gateway over the test actions, behind TLS on loopback. */
export async function startTestGateway(change: Partial<GatewayDependencies> = {}): Promise<TestGateway> {
  const clock = change.clock ?? new ManualClock(Date.now());
  const audit = new MemoryAuditSink();
  const trace: ActionTrace = { runs: [], contexts: [] };
  const credentials = testCredentials();
  const policies = new Map<string, PolicySet>();
  const authority = testAuthority();
  const handler = createGateway({
    actions: testActions(trace),
    credentials: { find: (id) => Promise.resolve(credentials.get(id)) },
    policySource: (principal) =>
      Promise.resolve(
        policies.get('accessKeyId' in principal ? principal.accessKeyId : '') ?? { identityPolicies: [] },
      ),
    audit,
    nonces: new MemoryNonceStore({ clock, salt: randomBytes(32) }),
    clock,
    random: randomBytes,
    log: silentLogger,
    ...change,
  });
  const server = await startHttpServer({
    address: { host: '127.0.0.1', port: 0 },
    certificate: authority.issue(),
    handler,
  });
  const host = `localhost:${server.port}`;
  return {
    endpoint: `https://${host}`,
    host,
    caPem: authority.caPem,
    clock,
    audit,
    trace,
    credentials,
    server,
    policies,
    close: () => server.close(100),
  };
}

export interface RawRequest {
  method?: string;
  path?: string;
  headers?: Record<string, string | string[]>;
  body?: string;
}

export interface RawAnswer {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  text: string;
  /** The body as JSON; empty when it is none. */
  json: Record<string, unknown>;
}

/** Sends bytes as they are given. */
export function sendRaw(gateway: Pick<TestGateway, 'host' | 'caPem'>, request: RawRequest): Promise<RawAnswer> {
  const [, port] = gateway.host.split(':');
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(
      {
        host: '127.0.0.1',
        servername: 'localhost',
        port,
        ca: gateway.caPem,
        agent: false,
        method: request.method ?? 'GET',
        path: request.path ?? '/',
        headers: { host: gateway.host, ...request.headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const json = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {};
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(request.body);
  });
}

export interface SignedCall {
  action: string;
  body?: string;
  accessKeyId?: string;
  accessKeySecret?: string;
  version?: string;
  time?: number;
  headers?: Record<string, string>;
}

/** A request signed with ACS3, by `root` unless said otherwise. */
export function signedRequest(gateway: TestGateway, call: SignedCall): RawRequest {
  const body = call.body ?? '';
  const headers = signRequest(
    {
      host: gateway.host,
      version: call.version ?? '2016-01-20',
      action: call.action,
      body,
      time: call.time ?? gateway.clock.now(),
      userAgent: 'test',
    },
    { kind: 'AccessKey', accessKeyId: call.accessKeyId ?? 'root', accessKeySecret: call.accessKeySecret ?? rootSecret },
  );
  return { method: 'POST', headers: { ...headers, ...call.headers }, body };
}
