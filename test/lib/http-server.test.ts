import { connect as netConnect } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { Agent, request } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { startHttpServer, type HttpServer, type HttpServerOptions } from '../../src/lib/http-server.ts';
import { testAuthority } from '../support/tls.ts';

const authority = testAuthority();
const running: HttpServer[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close(0)));
});

const sayOk = (_request: IncomingMessage, response: ServerResponse): void => void response.end('ok');

async function start(change: Partial<HttpServerOptions> = {}): Promise<HttpServer> {
  const server = await startHttpServer({
    address: { host: '127.0.0.1', port: 0 },
    certificate: authority.issue(),
    handler: sayOk,
    ...change,
  });
  running.push(server);
  return server;
}

function get(
  port: number,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: NodeJS.Dict<string | string[]> }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', servername: 'localhost', port, ca: authority.caPem, agent: false, headers },
      (response) => {
        response.resume().on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }));
      },
    );
    outgoing.on('error', reject).end();
  });
}

function tlsSocket(port: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', servername: 'localhost', port, ca: authority.caPem }, () =>
      resolve(socket),
    );
    socket.once('error', reject);
  });
}

function whenClosed(socket: { once(event: 'close', listener: () => void): unknown }): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

describe('startHttpServer', () => {
  test('serves TLS to whoever trusts its authority', async () => {
    const server = await start();
    expect((await get(server.port)).status).toBe(200);
  });

  test('A6: cuts a client that sends its headers too slowly', async () => {
    const server = await start({ headersTimeoutMs: 200 });
    const socket = await tlsSocket(server.port);
    const closed = whenClosed(socket);
    socket.on('error', () => undefined).write('GET / HTTP/1.1\r\nhost: local');
    const drip = setInterval(() => socket.write('h'), 50);
    await closed;
    clearInterval(drip);
  });

  test('A6: cuts a client that sends its body too slowly', async () => {
    const server = await start({
      headersTimeoutMs: 200,
      requestTimeoutMs: 400,
      handler: (incoming) => void incoming.resume(),
    });
    const socket = await tlsSocket(server.port);
    const closed = whenClosed(socket);
    socket.on('error', () => undefined).write('POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n');
    const drip = setInterval(() => socket.write('x'), 50);
    await closed;
    clearInterval(drip);
  });

  test('A6: refuses headers over the limit', async () => {
    const server = await start({ maxHeaderBytes: 8192 });
    expect((await get(server.port, { long: 'x'.repeat(10_000) })).status).toBe(431);
  });

  test('takes a URL that holds the largest secret, percent-encoded', async () => {
    const server = await start();
    expect((await get(server.port, { long: 'x'.repeat(30_720 * 3) })).status).toBe(200);
  });

  test('closes connections over the limit', async () => {
    const server = await start({ maxConnections: 1 });
    const first = await tlsSocket(server.port);
    const second = netConnect(server.port, '127.0.0.1').on('error', () => undefined);
    await whenClosed(second);
    expect(first.destroyed).toBe(false);
    first.destroy();
  });

  test('a reloaded certificate serves new connections', async () => {
    const server = await start();
    const before = await tlsSocket(server.port);
    server.reloadCertificate(authority.issue());
    const after = await tlsSocket(server.port);
    expect(after.getPeerCertificate().serialNumber).not.toBe(before.getPeerCertificate().serialNumber);
    expect(before.destroyed).toBe(false);
    before.destroy();
    after.destroy();
  });

  test('a certificate that does not fit its key is refused, and the old one stays', async () => {
    const server = await start();
    const { certPem } = authority.issue();
    const { keyPem } = authority.issue();
    expect(() => server.reloadCertificate({ certPem, keyPem })).toThrow();
    expect((await get(server.port)).status).toBe(200);
  });

  test('closing lets a request under way finish, and takes no new one', async () => {
    let finish = (): void => undefined;
    const server = await start({
      handler: (_request, response) => {
        finish = () => void response.end('late');
      },
    });
    const answer = get(server.port);
    await expect.poll(() => finish.toString()).toContain('late');
    const closing = server.close(5000);
    await expect(get(server.port)).rejects.toThrow();
    finish();
    expect((await answer).status).toBe(200);
    await closing;
  });

  test('draining serves on, old connections and new ones, and each answer ends its connection', async () => {
    const server = await start();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = (): Promise<string | undefined> =>
      new Promise((resolve, reject) => {
        const options = { host: '127.0.0.1', servername: 'localhost', port: server.port, ca: authority.caPem, agent };
        request(options, (response) => {
          response.resume().on('end', () => resolve(response.headers.connection));
        })
          .on('error', reject)
          .end();
      });
    expect(await ask()).toBe('keep-alive');
    const drained = server.drain(300);
    expect([await ask(), await ask()]).toEqual(['close', 'close']);
    await drained;
    await server.close();
    await expect(ask()).rejects.toThrow();
    agent.destroy();
  });

  test('draining ends the connection of a request that came before, too', async () => {
    let finish = (): void => undefined;
    const server = await start({
      handler: (_request, response) => {
        finish = () => void response.end('late');
      },
    });
    const agent = new Agent({ keepAlive: true });
    const options = { host: '127.0.0.1', servername: 'localhost', port: server.port, ca: authority.caPem, agent };
    const answer = new Promise((resolve, reject) => {
      request(options, (response) => resolve(response.resume().headers.connection))
        .on('error', reject)
        .end();
    });
    await expect.poll(() => finish.toString()).toContain('late');
    const drained = server.drain(1);
    finish();
    expect(await answer).toBe('close');
    await drained;
    await server.close();
    agent.destroy();
  });

  test('closing cuts what is left after the grace time', async () => {
    const server = await start({ handler: () => undefined });
    const answer = get(server.port);
    const refused = expect(answer).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await server.close(100);
    await refused;
  });

  test('closing does not wait for a connection that never said anything', async () => {
    const server = await start();
    const silent = netConnect(server.port, '127.0.0.1').on('error', () => undefined);
    const closed = whenClosed(silent);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await server.close(100);
    await closed;
  });
});
