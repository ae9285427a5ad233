import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { differences, refusals } from '../../../tools/generate/compatibility-notes.ts';
import { actionTable, compatibilityRows } from '../../../tools/generate/compatibility.ts';
import { startTestServer, type TestServer } from '../../support/kms-server.ts';

const rows = compatibilityRows();
const names = new Set(rows.map(({ name }) => name));

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

describe('the page of what is compatible', () => {
  it('has one row for every action of the table', () => {
    expect(names.size).toBe(rows.length);
    expect([...actionTable().keys()].filter((name) => !names.has(name))).toEqual([]);
  });

  it('says why for every action that is refused, and what differs for every one that is partial', () => {
    expect(rows.filter(({ status, note }) => (status === 'full') !== (note === ''))).toEqual([]);
  });

  it('has no note for an action that nobody documents', () => {
    expect(Object.keys({ ...differences, ...refusals }).filter((name) => !names.has(name))).toEqual([]);
  });

  it.each(rows.filter(({ status }) => status === 'refused'))('$name is refused by the server', async ({ name }) => {
    await expect(server.client.call('Kms', name, {})).rejects.toMatchObject({
      code: 'InvalidApi.NotFound',
      httpStatus: 404,
    });
  });

  it.each(rows.filter(({ status }) => status !== 'refused'))('$name is known to the server', async ({ name }) => {
    const code = await server.client.call('Kms', name, { DryRun: 'true' }).then(
      () => 'none',
      (error: { code: string }) => error.code,
    );
    expect(code).not.toBe('InvalidApi.NotFound');
  });
});
