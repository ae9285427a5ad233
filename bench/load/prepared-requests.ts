import { formBody } from '../../src/client/parameters.ts';
import { signRequest } from '../../src/client/sign-request.ts';

/** Calls of KMS, each with a signature and a nonce of its own (ACS3-HMAC-SHA256). */
export interface SignedCalls {
  kind: 'signed';
  accessKeyId: string;
  accessKeySecret: string;
  action: string;
  /** Sent in turn: one kind of request, or many that name different keys. */
  parameters: readonly Record<string, string>[];
}

/** The same request again and again, with a bearer token in a header: how OpenBao and Vault are asked. */
export interface TokenCalls {
  kind: 'token';
  method: 'GET' | 'POST';
  /** Such as `/v1/transit/encrypt/bench`. */
  path: string;
  /** Value of `X-Vault-Token`. */
  token: string;
  /** JSON; empty for none. */
  body: string;
}

export type Calls = SignedCalls | TokenCalls;

type Prepare<C extends Calls> = (calls: C, host: string, count: number) => Buffer[];

const prepareSigned: Prepare<SignedCalls> = ({ accessKeyId, accessKeySecret, action, parameters }, host, count) => {
  const bodies = parameters.map((all) => formBody(all));
  const credential = { kind: 'AccessKey', accessKeyId, accessKeySecret } as const;
  return Array.from({ length: count }, (_, index) => {
    const body = bodies[index % bodies.length] ?? '';
    const request = { host, version: '2016-01-20', action, body, time: Date.now(), userAgent: 'bench' };
    return requestBytes('POST /', signRequest(request, credential), body);
  });
};

const prepareToken: Prepare<TokenCalls> = ({ method, path, token, body }, host, count) => {
  const headers = { host, 'x-vault-token': token, accept: 'application/json', 'user-agent': 'bench' };
  return Array.from<Buffer>({ length: count }).fill(requestBytes(`${method} ${path}`, headers, body));
};

function requestBytes(line: string, headers: Readonly<Record<string, string>>, body: string): Buffer {
  const all = { ...headers, 'content-length': String(Buffer.byteLength(body)) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${line} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
}

/** Whole HTTP/1.1 requests for a server named `host`, ready to be written to a connection. */
export function prepareRequests(calls: Calls, host: string, count: number): Buffer[] {
  return calls.kind === 'signed' ? prepareSigned(calls, host, count) : prepareToken(calls, host, count);
}
