import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/lib/clock.ts';
import { startHttpServer, type HttpServer } from '../../src/lib/http-server.ts';
import { oidcCredentials } from '../../src/client/oidc-credentials.ts';
import { testAuthority } from '../support/tls.ts';

const authority = testAuthority();
const clock = new ManualClock(Date.now());
let server: HttpServer;
let exchanges: URLSearchParams[];
let headers: NodeJS.Dict<string | string[]>;
let failing: boolean;

/** An STS that gives sessions of an hour, numbered. */
beforeEach(async () => {
  exchanges = [];
  failing = false;
  server = await startHttpServer({
    address: { host: '127.0.0.1', port: 0 },
    certificate: authority.issue(),
    handler: (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        headers = request.headers;
        exchanges.push(new URLSearchParams(Buffer.concat(chunks).toString()));
        response.statusCode = failing ? 403 : 200;
        const Expiration = new Date(clock.now() + 3_600_000).toISOString();
        const session = {
          AccessKeyId: `STS.${exchanges.length}`,
          AccessKeySecret: 's',
          SecurityToken: 't',
          Expiration,
        };
        response.end(
          JSON.stringify(
            failing ? { Code: 'AuthenticationFail.NoPermission', Message: 'no' } : { Credentials: session },
          ),
        );
      });
    },
  });
});

afterEach(() => server.close(0));

function provider(token: { tokenFile: string } | { token: () => Promise<string> }): ReturnType<typeof oidcCredentials> {
  return oidcCredentials({
    endpoint: `https://localhost:${server.port}`,
    caPem: authority.caPem,
    roleArn: 'acs:ram::1:role/shop',
    oidcProviderArn: 'acs:ram::1:oidc-provider/kubernetes',
    sessionName: 'pod',
    clock,
    ...token,
  });
}

const token = { token: () => Promise.resolve('jwt') };
const minutes = (count: number): number => count * 60_000;

describe('oidcCredentials', () => {
  test('exchanges the token, unsigned, for a session', async () => {
    expect(await provider(token).credential()).toEqual({
      kind: 'AccessKey',
      accessKeyId: 'STS.1',
      accessKeySecret: 's',
      securityToken: 't',
    });
    expect(headers['authorization']).toBeUndefined();
    expect(headers['x-acs-action']).toBe('AssumeRoleWithOIDC');
    expect(Object.fromEntries(exchanges[0] ?? [])).toEqual({
      RoleArn: 'acs:ram::1:role/shop',
      OIDCProviderArn: 'acs:ram::1:oidc-provider/kubernetes',
      OIDCToken: 'jwt',
      RoleSessionName: 'pod',
      DurationSeconds: '3600',
    });
  });

  test('keeps the session until less than a quarter of its life is left', async () => {
    const credentials = provider(token);
    await credentials.credential();
    clock.advance(minutes(44));
    expect(await credentials.credential()).toMatchObject({ accessKeyId: 'STS.1' });
    clock.advance(minutes(2));
    expect(await credentials.credential()).toMatchObject({ accessKeyId: 'STS.2' });
  });

  test('calls made meanwhile share one exchange', async () => {
    const credentials = provider(token);
    await Promise.all(Array.from({ length: 10 }, () => credentials.credential()));
    expect(exchanges).toHaveLength(1);
  });

  test('while the renewal fails, the session serves until it expires', async () => {
    const credentials = provider(token);
    await credentials.credential();
    failing = true;
    clock.advance(minutes(50));
    expect(await credentials.credential()).toMatchObject({ accessKeyId: 'STS.1' });
    clock.advance(minutes(10));
    await expect(credentials.credential()).rejects.toMatchObject({ code: 'AuthenticationFail.NoPermission' });
  });

  test('reads the token file anew for each exchange', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kaap-oidc-'));
    const tokenFile = join(folder, 'token');
    const credentials = provider({ tokenFile });
    for (const text of ['first\n', 'second\n']) {
      await writeFile(tokenFile, text);
      await credentials.credential();
      clock.advance(minutes(50));
    }
    expect(exchanges.map((exchange) => exchange.get('OIDCToken'))).toEqual(['first', 'second']);
    await rm(folder, { recursive: true });
  });
});
