import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { formBody } from '../../src/client/parameters.ts';
import { signRequest } from '../../src/client/sign-request.ts';
import type { Caller } from './callers.ts';

/** Calls that are put to a server's handler without a connection. */
export interface DirectLoad {
  serve: (request: IncomingMessage, response: ServerResponse) => void;
  host: string;
  caller: Caller;
  action: string;
  parameters: Record<string, string>;
  /** How many; 64 of them at a time. */
  calls: number;
}

const callers = 64;

/** Has the calls answered, all of them with 200, and gives the processor time of one in microseconds. Signs them beforehand. */
export async function callDirectly(load: DirectLoad): Promise<number> {
  const requests = presign(load);
  const before = process.cpuUsage();
  const call = async (): Promise<void> => {
    for (let request = requests.pop(); request !== undefined; request = requests.pop()) await answerOf(load, request);
  };
  await Promise.all(Array.from({ length: callers }, call));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / load.calls;
}

interface SignedRequest {
  headers: Record<string, string>;
  rawHeaders: string[];
  body: Buffer;
}

function presign({ host, caller, action, parameters, calls }: DirectLoad): SignedRequest[] {
  const body = formBody(parameters);
  const credential = { kind: 'AccessKey', ...caller } as const;
  return Array.from({ length: calls }, () => {
    const request = { host, version: '2016-01-20', action, body, time: Date.now(), userAgent: 'bench' };
    const headers = { ...signRequest(request, credential), 'content-length': String(Buffer.byteLength(body)) };
    return { headers, rawHeaders: Object.entries(headers).flat(), body: Buffer.from(body) };
  });
}

/** What the handler asks of a connection. */
const peer = { remoteAddress: '127.0.0.1', encrypted: true } as unknown as Socket;

/** Tells when it was ended. */
class Answer extends ServerResponse {
  onEnd: () => void = () => undefined;

  override end(...parts: unknown[]): this {
    super.end(...(parts as []));
    this.onEnd();
    return this;
  }
}

function answerOf({ serve, action }: DirectLoad, { headers, rawHeaders, body }: SignedRequest): Promise<void> {
  const request = new IncomingMessage(peer);
  Object.assign(request, { method: 'POST', url: '/', httpVersionMajor: 1, httpVersionMinor: 1, headers, rawHeaders });
  const response = new Answer(request);
  return new Promise((resolve, reject) => {
    response.onEnd = () => {
      if (response.statusCode === 200) resolve();
      else reject(new Error(`${action} was answered ${response.statusCode}.`));
    };
    serve(request, response);
    request.complete = true;
    request.push(body);
    request.push(null);
  });
}
