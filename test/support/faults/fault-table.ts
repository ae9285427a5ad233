import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { sendLine, sendStatus } from '../fake-api-server.ts';

/** One request on its way through the proxy. */
export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  body: string;
  isWatch: boolean;
  /** Asks for a further page of a listing. */
  isContinued: boolean;
  /** Sends the request to the API server. */
  forward(): Promise<IncomingMessage>;
}

/** Something that goes wrong with a whole request. */
export interface RequestFault {
  name: string;
  /** Share of requests that it happens to. */
  probability: number;
  applies(exchange: Exchange): boolean;
  /** `pass` lets the request through after all. */
  spoil(exchange: Exchange): Promise<'answered' | 'pass'>;
}

/** Something that goes wrong with a line of a watch. */
export interface LineFault {
  name: string;
  /** Share of lines that it happens to. */
  probability: number;
  /** `over` ends the watch. */
  spoil(line: string, response: ServerResponse): Promise<'over' | 'go on'>;
}

const always = (): boolean => true;
const changes = ({ isWatch, request }: Exchange): boolean => !isWatch && request.method !== 'GET';
const answersOnce = ({ isWatch }: Exchange): boolean => !isWatch;

function answering(status: number, reason: string, headers: Record<string, string> = {}): RequestFault['spoil'] {
  return ({ response }) => {
    sendStatus(response, status, reason, `injected ${reason}`, headers);
    return Promise.resolve('answered');
  };
}

export const requestFaults: readonly RequestFault[] = [
  {
    name: '429 with Retry-After',
    probability: 0.04,
    applies: always,
    spoil: answering(429, 'TooManyRequests', { 'retry-after': '1' }),
  },
  { name: '500', probability: 0.04, applies: always, spoil: answering(500, 'InternalError') },
  { name: '503 without Retry-After', probability: 0.02, applies: always, spoil: answering(503, 'ServiceUnavailable') },
  { name: '403 for a moment', probability: 0.01, applies: always, spoil: answering(403, 'Forbidden') },
  {
    name: '410 on a watch or a further page',
    probability: 0.06,
    applies: ({ isWatch, isContinued }) => isWatch || isContinued,
    spoil: answering(410, 'Expired'),
  },
  {
    name: 'connection broken before the server saw the request',
    probability: 0.03,
    applies: always,
    spoil: ({ response }) => {
      response.destroy();
      return Promise.resolve('answered');
    },
  },
  {
    name: 'write done and its answer lost',
    probability: 0.08,
    applies: changes,
    spoil: async (exchange) => {
      await text(await exchange.forward());
      exchange.response.destroy();
      return 'answered';
    },
  },
  {
    name: 'answer cut in the middle',
    probability: 0.03,
    applies: answersOnce,
    spoil: async (exchange) => {
      const answer = await exchange.forward();
      const body = Buffer.from(await text(answer));
      exchange.response.writeHead(answer.statusCode ?? 502, { 'content-length': body.length });
      exchange.response.write(body.subarray(0, body.length >> 1));
      await sleep(20);
      exchange.response.destroy();
      return 'answered';
    },
  },
  {
    name: 'slow request',
    probability: 0.05,
    applies: always,
    spoil: async () => {
      await sleep(1500);
      return 'pass';
    },
  },
  {
    name: 'watch that stalls from the start',
    probability: 0.03,
    applies: ({ isWatch }) => isWatch,
    spoil: ({ response }) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders();
      return Promise.resolve('answered');
    },
  },
];

export const lineFaults: readonly LineFault[] = [
  {
    name: 'watch cut in the middle of a line',
    probability: 0.02,
    spoil: async (line, response) => {
      response.write(line.slice(0, line.length >> 1));
      await sleep(20);
      response.destroy();
      return 'over';
    },
  },
  {
    name: 'watch ended after a line',
    probability: 0.01,
    spoil: (line, response) => {
      response.end(`${line}\n`);
      return Promise.resolve('over');
    },
  },
  {
    name: 'event told twice',
    probability: 0.05,
    spoil: (line, response) => {
      response.write(`${line}\n${line}\n`);
      return Promise.resolve('go on');
    },
  },
  {
    name: 'event delayed',
    probability: 0.03,
    spoil: async (line, response) => {
      await sleep(700);
      response.write(`${line}\n`);
      return 'go on';
    },
  },
  {
    name: '410 in the middle of a watch',
    probability: 0.01,
    spoil: (_line, response) => endedWith(response, 410, 'Expired'),
  },
  {
    name: '500 in the middle of a watch',
    probability: 0.01,
    spoil: (_line, response) => endedWith(response, 500, 'InternalError'),
  },
  {
    name: 'line that is not JSON',
    probability: 0.005,
    spoil: (_line, response) => {
      response.end('<html>502 Bad Gateway</html>\n');
      return Promise.resolve('over');
    },
  },
  { name: 'watch that falls silent', probability: 0.005, spoil: () => Promise.resolve('over') },
];

function endedWith(response: ServerResponse, code: number, reason: string): Promise<'over'> {
  sendLine(response, 'ERROR', { kind: 'Status', code, reason, message: `injected ${reason}` });
  response.end();
  return Promise.resolve('over');
}
