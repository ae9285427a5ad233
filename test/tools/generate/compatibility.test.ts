import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unsupportedActions } from '../../../src/kms/actions/account/unsupported.ts';
import { differences, parameterDifferences } from '../../../tools/generate/compatibility-notes.ts';
import { actionTable, compatibilityRows, passedOver } from '../../../tools/generate/compatibility.ts';
import { documentedActions } from '../../../tools/generate/documented-actions.ts';
import { startTestServer, type TestServer } from '../../support/kms-server.ts';

const everyRow = compatibilityRows();
const rows = everyRow.filter(({ parameter }) => parameter === undefined);
const parameters = everyRow.filter(({ parameter }) => parameter !== undefined);
const names = new Set(rows.map(({ action }) => action));

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

  it('has one row for every parameter that is documented', () => {
    const documented = documentedActions.flatMap(({ name, parameters: all }) => all.map((one) => `${name}.${one}`));
    const said = parameters.filter(({ status }) => status !== 'own').map((row) => `${row.action}.${row.parameter}`);
    expect(said).toEqual(documented);
  });

  it('says why for everything that is refused, and what differs for everything that is partial', () => {
    expect(everyRow.filter(({ status, note }) => (status === 'full') !== (note === ''))).toEqual([]);
  });

  it('passes no documented parameter over: it is read, refused, or said why it means nothing', () => {
    expect(parameters.filter(({ note }) => note === passedOver)).toEqual([]);
  });

  it('has no note for what nobody documents', () => {
    expect([...Object.keys(differences), ...unsupportedActions.keys()].filter((name) => !names.has(name))).toEqual([]);
    const documented = new Set(parameters.map((row) => `${row.action}.${row.parameter}`));
    expect(Object.keys(parameterDifferences).filter((name) => !documented.has(name))).toEqual([]);
  });

  it('gives an action that is refused no note of how it differs, nor one that is there a reason for refusal', () => {
    const there = new Set(actionTable().keys());
    expect([...unsupportedActions.keys()].filter((name) => !there.has(name) || name in differences)).toEqual([]);
    expect(Object.keys(differences).filter((name) => !there.has(name))).toEqual([]);
  });

  it.each(rows.filter(({ status }) => status === 'refused'))(
    '$action is refused by the server',
    async ({ action: name }) => {
      await expect(server.client.call('Kms', name, {})).rejects.toMatchObject({
        code: 'UnsupportedOperation',
        httpStatus: 400,
      });
    },
  );

  it.each(rows.filter(({ status }) => status !== 'refused'))(
    '$action is known to the server',
    async ({ action: name }) => {
      const code = await server.client.call('Kms', name, { DryRun: 'true' }).then(
        () => 'none',
        (error: { code: string }) => error.code,
      );
      expect(code).not.toBe('InvalidApi.NotFound');
    },
  );

  it('refuses a parameter of which it says so', () => {
    const table = actionTable();
    const there = parameters.filter(
      ({ action, status }) => status === 'refused' && table.has(action) && !unsupportedActions.has(action),
    );
    expect(there.length).toBeGreaterThan(0);
    for (const { action, parameter = '' } of there) {
      const result = actionTable()
        .get(action)
        ?.input.safeParse({ [parameter]: 'anything' });
      expect(
        result?.error?.issues.map(({ path }) => path.join('.')),
        action,
      ).toContain(parameter);
    }
  });
});
