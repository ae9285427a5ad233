import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { KmsClientError } from '../../src/client/kms-client-error.ts';
import { KmsClient, staticCredentials } from '../../src/client/kms-client.ts';
import { isRepeatable, mayRepeat } from '../../src/client/repeatable.ts';
import { startHttpServer, type HttpServer } from '../../src/lib/http-server.ts';
import { documentedActions } from '../../tools/generate/documented-actions.ts';
import { testAuthority } from '../support/tls.ts';

/** Actions that the server has seen. */
let seen: string[] = [];
/** What it does with the next calls: answers when there is nothing left. */
let script: ('reset' | number)[] = [];
let server: HttpServer;
let client: KmsClient;

beforeAll(async () => {
  const authority = testAuthority();
  server = await startHttpServer({
    address: { host: '127.0.0.1', port: 0 },
    certificate: authority.issue(),
    handler: (request, response) => {
      seen.push(String(request.headers['x-acs-action']));
      const step = script.shift();
      if (step === 'reset') {
        request.socket.destroy();
        return;
      }
      response.statusCode = step ?? 200;
      response.end(
        step === undefined ? '{"RequestId":"r"}' : '{"Code":"ServiceUnavailableTemporary","Message":"later"}',
      );
    },
  });
  client = new KmsClient({
    endpoint: `localhost:${server.port}`,
    caPem: authority.caPem,
    region: 'local',
    credentials: staticCredentials({ accessKeyId: 'root', accessKeySecret: 'secret' }),
  });
});
afterAll(async () => {
  client.close();
  await server.close(0);
});
beforeEach(async () => {
  // Opens the connection that the calls reuse.
  script = [];
  await client.call('Kms', 'ListKeys', {});
  seen = [];
});

describe('a connection that is reset while it is reused', () => {
  test('is no reason to do a write twice: the call fails, and says that it may have been done', async () => {
    script = ['reset'];
    await expect(client.call('Kms', 'CreateKey', { Description: 'x' })).rejects.toMatchObject({
      code: 'ConnectionFailed',
      retryable: true,
      mayHaveActed: true,
      message: expect.stringContaining('may have been done') as string,
    });
    expect(seen).toEqual(['CreateKey']);
  });

  test('is no reason to bother whoever reads', async () => {
    script = ['reset', 'reset'];
    await client.call('Kms', 'DescribeKey', { KeyId: 'k' });
    expect(seen).toEqual(['DescribeKey', 'DescribeKey', 'DescribeKey']);
  });

  test.each([
    ['CreateKey', { ClientToken: 'token' }],
    ['PutSecretValue', { SecretName: 's', SecretData: 'x', VersionId: 'v2' }],
    ['RotateSecret', { SecretName: 's', VersionId: 'v2' }],
  ])('sends %s again, which the server knows by its token', async (action, parameters) => {
    script = ['reset'];
    await client.call('Kms', action, parameters);
    expect(seen).toEqual([action, action]);
  });
});

describe('an answer that may come later', () => {
  test('of a write is left to the caller after a 503, which may follow the work, and waited for after a 429', async () => {
    script = [503];
    await expect(client.call('Kms', 'CreateKey', {})).rejects.toMatchObject({ retryable: true, mayHaveActed: true });
    expect(seen).toEqual(['CreateKey']);
    script = [429];
    await client.call('Kms', 'CreateKey', {});
    expect(seen).toEqual(['CreateKey', 'CreateKey', 'CreateKey']);
  });

  test('of a read is waited for', async () => {
    script = [503, 503];
    await client.call('Kms', 'GetSecretValue', { SecretName: 's' });
    expect(seen).toHaveLength(3);
  });
});

describe('what may be sent again', () => {
  test('is no documented action that changes something, without a token', () => {
    const changes =
      /^(?:Create|Delete|Update|Put|Set|Schedule|Cancel|Enable|Disable|Import|Tag|Untag|Rotate|Restore|Upload|Open|Connect|Release)/;
    for (const { name } of documentedActions) {
      expect(isRepeatable(name, { SecretName: 's' }), name).toBe(!changes.test(name));
    }
  });

  test('is anything that never left', () => {
    const options = { code: 'ConnectionFailed', message: 'x', httpStatus: 0, retryable: true };
    expect(mayRepeat(new KmsClientError(options), 'CreateKey', {})).toBe(true);
    expect(mayRepeat(new KmsClientError({ ...options, mayHaveActed: true }), 'CreateKey', {})).toBe(false);
    expect(mayRepeat(new KmsClientError({ ...options, retryable: false }), 'ListKeys', {})).toBe(false);
    expect(mayRepeat(new TypeError('bug'), 'ListKeys', {})).toBe(false);
  });
});
