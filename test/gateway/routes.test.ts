import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { routes } from '../../src/gateway/routes.ts';
import { sendRaw, startTestGateway, type TestGateway } from '../support/test-gateway.ts';

let gateway: TestGateway;
let reason: string | undefined;

beforeAll(async () => {
  gateway = await startTestGateway({ notReady: () => reason });
});

afterAll(() => gateway.close());

describe('I3: the route table', () => {
  test('has the API and two health checks, and nothing else', () => {
    expect([...routes].map(([path, { methods }]) => `${methods.join('|')} ${path}`)).toEqual([
      'GET|POST /',
      'GET /healthz',
      'GET /readyz',
    ]);
  });

  test.each([
    '/metrics',
    '/debug',
    '/debug/pprof',
    '/v1/sys/health',
    '/unseal',
    '/admin',
    '/healthz/',
    '//',
    '/index.html',
    '/%2e%2e/',
  ])('%s is not found', async (path) => {
    const answer = await sendRaw(gateway, { path });
    expect(answer).toMatchObject({ status: 404, json: { HttpStatus: 404, Code: 'InvalidApi.NotFound' } });
    expect(answer.json['RequestId']).toEqual(expect.any(String));
  });

  test.each([
    ['PUT', '/'],
    ['DELETE', '/'],
    ['OPTIONS', '/'],
    ['POST', '/healthz'],
    ['POST', '/readyz'],
  ])('%s %s is refused', async (method, path) => {
    expect(await sendRaw(gateway, { method, path })).toMatchObject({
      status: 403,
      json: { Code: 'UnsupportedHTTPMethod' },
    });
  });

  test('liveness does not depend on the service, readiness does', async () => {
    expect(await sendRaw(gateway, { path: '/readyz' })).toMatchObject({ status: 200, text: 'ok\n' });
    reason = 'sealed';
    expect(await sendRaw(gateway, { path: '/readyz' })).toMatchObject({ status: 503, text: 'sealed\n' });
    expect(await sendRaw(gateway, { path: '/healthz' })).toMatchObject({ status: 200, text: 'ok\n' });
  });

  test('nothing of it is audited, and none of it does an action', () => {
    expect(gateway.audit.events).toEqual([]);
    expect(gateway.trace.runs).toEqual([]);
  });
});
