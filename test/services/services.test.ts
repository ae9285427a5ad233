import { execFileSync } from 'node:child_process';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { startPostgres } from './postgres-server.ts';
import { createSoftHsmToken } from './softhsm-token.ts';

describe('The services that these tests bring', () => {
  it('include a PostgreSQL server that keeps what was committed through a crash', async () => {
    const server = await startPostgres();
    const run = async (sql: string): Promise<unknown[]> => {
      const client = new Client({ connectionString: server.url });
      await client.connect();
      const { rows } = await client.query(sql);
      await client.end();
      return rows;
    };
    await run('CREATE TABLE t (n int); INSERT INTO t VALUES (7)');
    await server.crash();
    expect(await run('SELECT n FROM t')).toEqual([{ n: 7 }]);
    await server.stop();
  });

  it('include a token of SoftHSM2 that its own tool finds by its label', () => {
    const token = createSoftHsmToken('kaap-smoke');
    const slots = execFileSync('softhsm2-util', ['--show-slots'], {
      env: { ...process.env, SOFTHSM2_CONF: token.configurationFile },
      encoding: 'utf8',
    });
    token.remove();
    expect(slots).toContain('kaap-smoke');
  });
});
