import { describe, expect, test } from 'vitest';
import { parsePolicyDocument } from '../../src/policy/document.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import { systemPolicies } from '../../src/policy/system-policies.ts';
import { attached, context, request, user } from '../support/policy-scene.ts';

const names = [...systemPolicies.keys()];
const may = (policy: string, action: string, relativeId: string): boolean =>
  evaluate(user, [request(action, relativeId)], context, attached(systemPolicies.get(policy)?.document ?? ''))
    .effect === 'Allow';

/** Action, resource, and which of the six policies give it: Full, ReadOnly, CryptoAdmin, CryptoUser, SecretUser, SecretAdmin. */
const matrix: [string, string, string][] = [
  ['kms:CreateKey', 'key', 'F.A...'],
  ['kms:ListKeys', 'key', 'FRA...'],
  ['kms:DescribeKey', 'key/1', 'FRA...'],
  ['kms:ScheduleKeyDeletion', 'key/1', 'F.A...'],
  ['kms:Encrypt', 'key/1', 'F.AU..'],
  ['kms:Decrypt', 'key/1', 'F.AU..'],
  ['kms:GenerateDataKey', 'key/1', 'F.AU..'],
  ['kms:ReEncryptFrom', 'key/1', 'F.A...'],
  ['kms:ExportDataKey', 'key/1', 'F.A...'],
  ['kms:AsymmetricSign', 'key/1', 'F.AU..'],
  ['kms:GenerateMac', 'key/1', 'F.AU..'],
  ['kms:GetPublicKey', 'key/1', 'FRAU..'],
  ['kms:GetKeyPolicy', 'key/1', 'FRA...'],
  ['kms:SetKeyPolicy', 'key/1', 'F.A...'],
  ['kms:CreateAlias', 'alias/a', 'F.A...'],
  ['kms:ListAliases', 'alias', 'FRA...'],
  ['kms:CreateSecret', 'secret', 'F....S'],
  ['kms:ListSecrets', 'secret', 'FR...S'],
  ['kms:DescribeSecret', 'secret/a', 'FR..TS'],
  ['kms:GetSecretValue', 'secret/a', 'F...TS'],
  ['kms:PutSecretValue', 'secret/a', 'F....S'],
  ['kms:DeleteSecret', 'secret/a', 'F....S'],
  ['kms:ListSecretVersionIds', 'secret/a', 'FR..TS'],
  ['kms:GetSecretPolicy', 'secret/a', 'FR...S'],
  ['kms:GetRandomPassword', '*', 'F....S'],
  ['kms:CreateApplicationAccessPoint', 'applicationaccesspoint/a', 'F.....'],
  ['kms:ListApplicationAccessPoints', 'applicationaccesspoint', 'FR....'],
  ['sts:AssumeRole', '*', '......'],
];

describe('a system policy', () => {
  test('is one of six', () => {
    expect(names).toEqual([
      'AliyunKMSFullAccess',
      'AliyunKMSReadOnlyAccess',
      'AliyunKMSCryptoAdminAccess',
      'AliyunKMSCryptoUserAccess',
      'AliyunKMSSecretUserAccess',
      'AliyunKMSSecretAdminAccess',
    ]);
  });

  test.each(names)('can be read and is within the limit: %s', (name) => {
    expect(parsePolicyDocument(systemPolicies.get(name)?.document ?? '', 'identity').statements.length).toBeGreaterThan(
      0,
    );
  });

  test.each(matrix)('D10: gives %s on %s to %s', (action, relativeId, expected) => {
    const letters = ['F', 'R', 'A', 'U', 'T', 'S'];
    expect(names.map((name, index) => (may(name, action, relativeId) ? letters[index] : '.')).join('')).toBe(expected);
  });

  test('never reads a secret or decrypts when it is the read-only one', () => {
    for (const action of [
      'kms:GetSecretValue',
      'kms:Decrypt',
      'kms:GenerateDataKey',
      'kms:GetRandomPassword',
      'kms:GetClientKey',
    ]) {
      expect(may('AliyunKMSReadOnlyAccess', action, 'secret/a')).toBe(false);
    }
  });
});
