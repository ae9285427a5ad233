import { createServer, type Server } from 'node:tls';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createTransport, type Transport, type TransportAnswer } from '../../src/client/transport.ts';
import { testAuthority } from '../support/tls.ts';

const authority = testAuthority();

/** A server that does with each request just what `answer` says, below HTTP. */
async function serverThat(answer: (socket: Socket, request: string) => void): Promise<Server> {
  const { certPem, keyPem } = authority.issue();
  const sockets = new Set<Socket>();
  const server = createServer({ cert: certPem, key: keyPem }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('data', (data: Buffer) => answer(socket, data.toString()));
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  onTestFinished(() => {
    sockets.forEach((socket) => socket.destroy());
    server.close();
  });
  return server;
}

function transportTo(endpoint: string): Transport {
  const transport = createTransport({ endpoint, caPem: authority.caPem });
  onTestFinished(() => transport.close());
  return transport;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

const send = (transport: Transport, signal = AbortSignal.timeout(5000)): Promise<TransportAnswer> =>
  transport.send({ headers: { 'x-test': 'yes' }, body: 'what is asked', signal });

describe('A call over the transport', () => {
  test('is one POST with the headers and the body that were given', async () => {
    const seen: string[] = [];
    const server = await serverThat((socket, request) => {
      seen.push(request);
      if (seen.join('').endsWith('what is asked')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}');
    });
    const transport = transportTo(`localhost:${portOf(server)}`);
    expect(transport.host).toBe(`localhost:${portOf(server)}`);
    expect(await send(transport)).toEqual({ status: 200, body: Buffer.from('{}') });
    const [head = ''] = seen.join('').split('\r\n\r\n');
    expect(head).toMatch(/^POST \/ HTTP\/1\.1\r\n/);
    expect(head.toLowerCase()).toContain(`\r\nhost: localhost:${portOf(server)}`);
    expect(head.toLowerCase()).toContain('\r\ncontent-length: 13');
    expect(head.toLowerCase()).toContain('\r\nx-test: yes');
  });

  const spoiled: readonly [title: string, answer: string, end: boolean][] = [
    ['that ends before its length', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"a":', true],
    ['whose last chunk is missing', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n', true],
    ['that is no HTTP', 'SSH-2.0-x\r\n\r\n', true],
    ['that is nothing', '', true],
  ];
  test.each(spoiled)(
    'gives no part of an answer %s, and says that it may have been done',
    async (_title, answer, end) => {
      const server = await serverThat((socket) => {
        socket.write(answer);
        if (end) socket.end();
      });
      await expect(send(transportTo(`localhost:${portOf(server)}`))).rejects.toMatchObject({
        code: 'ConnectionFailed',
        retryable: true,
        mayHaveActed: true,
      });
    },
  );

  test('takes no answer of more than 8 MiB', async () => {
    const server = await serverThat((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${9 * 1024 * 1024}\r\n\r\n`);
      socket.write(Buffer.alloc(9 * 1024 * 1024, 32));
    });
    await expect(send(transportTo(`localhost:${portOf(server)}`))).rejects.toMatchObject({ retryable: true });
  });

  test('ends with the reason of a signal that fires while the answer is awaited', async () => {
    const server = await serverThat(() => undefined);
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('no longer wanted')), 50);
    const failure: unknown = await send(transportTo(`localhost:${portOf(server)}`), stop.signal).catch(
      (error: unknown) => error,
    );
    expect(stop.signal.aborted).toBe(true);
    expect(failure).toBeInstanceOf(Error);
  });

  test.each([
    ['nobody listens', 'localhost:1', 'ECONNREFUSED'],
    ['the name is known to nobody', 'kms.invalid', 'ENOTFOUND|EAI_AGAIN'],
  ])('was not done when %s', async (_title, endpoint, code) => {
    await expect(send(transportTo(endpoint))).rejects.toMatchObject({
      code: 'ConnectionFailed',
      message: expect.stringMatching(new RegExp(`^No answer from .* \\((?:${code})\\)`)) as string,
      retryable: true,
      mayHaveActed: false,
    });
  });

  test('takes a connection that was closed at rest for no answer, and the next call makes a new one', async () => {
    let connections = 0;
    const server = await serverThat((socket) => {
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n{}');
    });
    server.on('secureConnection', () => connections++);
    const transport = transportTo(`localhost:${portOf(server)}`);
    for (let count = 0; count < 3; count++) {
      expect((await send(transport)).status).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(connections).toBe(3);
  });
});
