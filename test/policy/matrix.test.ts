import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { evaluate } from '../../src/policy/evaluate.ts';
import { expandRbacPolicy } from '../../src/policy/rbac-templates.ts';
import { systemPolicies } from '../../src/policy/system-policies.ts';
import { KmsScene } from '../kms/kms-scene.ts';
import {
  accountId,
  attached,
  context,
  documentOf,
  entering,
  podSession,
  request,
  user,
} from '../support/policy-scene.ts';

type Row = [action: string, resource: string, system: string, template: string, keyRoles: string];

const rows = JSON.parse(readFileSync(new URL('../vectors/policy/matrix.json', import.meta.url), 'utf8')) as Row[];

/** The permissions of a key policy's administrators and users, as the documentation of external keys lists them. */
const keyRoles: readonly [letter: string, actions: string][] = [
  [
    'A',
    'List* Describe* Create* Enable* Disable* Get* Set* Update* Delete* Cancel* TagResource UntagResource ' +
      'ImportKeyMaterial ScheduleKeyDeletion',
  ],
  [
    'U',
    'Encrypt Decrypt GenerateDataKey GenerateAndExportDataKey AsymmetricEncrypt AsymmetricDecrypt DescribeKey ' +
      'DescribeKeyVersion ListKeyVersions ListAliasesByKeyId TagResource',
  ],
];

const letters = (given: readonly [string, boolean][]): string =>
  given.map(([letter, isGiven]) => (isGiven ? letter : '.')).join('');

function systemPoliciesOf(action: string, resource: string): string {
  const documents = [...systemPolicies.values()].map(({ document }) => document);
  return letters(
    ['F', 'R', 'A', 'U', 'T', 'S'].map((letter, index) => {
      const policies = attached(documents[index] ?? '');
      return [letter, evaluate(user, [request(action, resource)], context, policies).effect === 'Allow'];
    }),
  );
}

function templateOf(action: string, resource: string): string {
  const given = (['SecretUser', 'CryptoServiceKeyUser'] as const).filter((template) => {
    const resources = template === 'SecretUser' ? ['secret/*'] : ['key/*'];
    const scope = template === 'SecretUser' ? 'shared' : 'kst-aaaa';
    const policy = expandRbacPolicy({ name: 'p', scope, permissions: [template], resources });
    const policies = entering({}, { policies: [policy] });
    return evaluate(podSession, [request(action, resource, { scope })], context, policies).effect === 'Allow';
  });
  return given.map((template) => ({ SecretUser: 'S', CryptoServiceKeyUser: 'K' })[template]).join('') || '.';
}

function keyRolesOf(action: string, resource: string): string {
  if (resource !== 'key/1') return '..';
  return letters(
    keyRoles.map(([letter, actions]) => {
      const resourcePolicy = documentOf({
        Effect: 'Allow',
        Action: actions.split(' ').map((name) => `kms:${name}`),
        Resource: '*',
        Principal: { RAM: `acs:ram::${accountId}:user/ci` },
      });
      const decision = evaluate(user, [request(action, resource, { resourcePolicy })], context, attached());
      return [letter, decision.effect === 'Allow'];
    }),
  );
}

describe('the matrix', () => {
  test.each(rows)('D10: %s on %s is given by system policies %s, template %s, key roles %s', (...row) => {
    const [name, resource] = row;
    const action = `kms:${name}`;
    expect([
      name,
      resource,
      systemPoliciesOf(action, resource),
      templateOf(action, resource),
      keyRolesOf(action, resource),
    ]).toEqual(row);
  });

  test('D10: has a row for every action of KMS that needs a permission', () => {
    const inMatrix = new Set(rows.map(([name]) => name));
    // ReEncrypt asks for two permissions of their own; DescribeRegions for none.
    const asked = new KmsScene().actionNames.filter((name) => name !== 'ReEncrypt' && name !== 'DescribeRegions');
    expect(asked.filter((name) => !inMatrix.has(name))).toEqual([]);
  });
});
