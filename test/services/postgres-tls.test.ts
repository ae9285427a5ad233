import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresStore } from '../../src/storage/postgres-store.ts';
import { createCertificateAuthority, issueServingCertificate } from '../../src/crypto/x509.ts';
import { testAuthority } from '../support/tls.ts';
import { startPostgres, type PostgresServer } from './postgres-server.ts';

let folder: string;
let server: PostgresServer;
let port: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kaap-pg-tls-'));
  port = await freePort();
  // A certificate for localhost only: 127.0.0.1, where the server is, is not in it.
  const notBefore = Date.now() - 3_600_000;
  const authority = createCertificateAuthority({ commonName: 'Database CA', notBefore, random: randomBytes });
  const names = { dnsNames: ['localhost'], ipAddresses: ['192.0.2.1'] };
  const serving = issueServingCertificate(authority, { ...names, notBefore, random: randomBytes });
  writeFileSync(join(folder, 'ca.crt'), authority.certificatePem);
  writeFileSync(join(folder, 'other.crt'), testAuthority().caPem);
  server = await startPostgres({ port, certPem: serving.certificatePem, keyPem: serving.privateKeyPem });
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port: free } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return free;
}

const urlOf = (host: string, query: string): string => `postgresql://postgres@${host}:${port}/postgres${query}`;
const trusting = (file: string): string => `?sslmode=verify-full&sslrootcert=${join(folder, file)}`;

/** The whole cause of a store that does not open. */
async function refusal(url: string): Promise<string> {
  const store = await openPostgresStore({ url }).catch((error: unknown) => error);
  if (!(store instanceof Error)) throw new Error('the store opened');
  const causes = [store.message];
  for (let cause = store.cause; cause instanceof Error; cause = cause.cause) causes.push(cause.message);
  return causes.join(': ');
}

describe('the connection to PostgreSQL over TCP', () => {
  it('is TLS, to a server that the given authority vouches for under the name in the URL', async () => {
    const store = await openPostgresStore({ url: urlOf('localhost', trusting('ca.crt')) });
    await store.transact((transaction) => transaction.put('bucket', 'key', Buffer.from('value')));
    expect((await store.get('bucket', 'key'))?.value.toString()).toBe('value');
    const own = new Client({ connectionString: server.url });
    await own.connect();
    const { rows } = await own.query<{ ssl: boolean; addressed: boolean }>(
      `SELECT ssl, client_addr IS NOT NULL AS addressed FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
       WHERE application_name = 'kaap-kms'`,
    );
    await own.end();
    await store.close();
    expect(rows.length).toBeGreaterThanOrEqual(2);
    expect(rows.every(({ ssl, addressed }) => ssl && addressed)).toBe(true);
  });

  it('is refused when another authority vouches, or the system ones are to', async () => {
    expect(await refusal(urlOf('localhost', trusting('other.crt')))).toMatch(/certificate/i);
    expect(await refusal(urlOf('localhost', '?sslmode=verify-full'))).toMatch(/certificate/i);
    expect(await refusal(urlOf('localhost', ''))).toMatch(/certificate/i);
  });

  it('is refused when the certificate is for another name than the URL has, also when that is an address', async () => {
    expect(await refusal(urlOf('127.0.0.1', trusting('ca.crt')))).toMatch(/IP: 127\.0\.0\.1 is not in the cert/);
  });

  it.each(['require', 'prefer', 'verify-ca', 'allow', 'no-verify'])(
    'is refused with sslmode=%s, which believes anybody',
    async (mode) => {
      expect(await refusal(urlOf('localhost', `?sslmode=${mode}`))).toContain('does not verify the server');
    },
  );

  it('is refused without TLS to another machine; a server that wants TLS refuses it here too', async () => {
    expect(await refusal('postgresql://kaap@db.example.com/kaap?sslmode=disable')).toContain('does not verify');
    expect(await refusal(urlOf('localhost', '?sslmode=disable'))).toMatch(/no encryption/);
  });
});
