import { describe, expect, it, test } from 'vitest';
import { parsePolicyDocument } from '../../src/policy/document.ts';
import { suggestPolicy, type Beneficiary, type RecordedCall } from '../../src/policy/suggest-policy.ts';

const arn = (relativeId: string): string => `acs:kms:local:1000:${relativeId}`;
const by = {
  ci: 'acs:ram::1000:user/ci',
  other: 'acs:ram::1000:user/ci2',
  session: 'acs:ram::1000:assumed-role/shop/run-1',
  clientKey: 'acs:kms::1000:applicationaccesspoint/shop/clientkey/KAAP.1',
};
const ci: Beneficiary = { kind: 'user', name: 'ci' };
const shop: Beneficiary = { kind: 'applicationaccesspoint', name: 'shop' };

function call(action: string, resources: string[], more: Partial<RecordedCall> = {}): RecordedCall {
  return { product: 'Kms', action, principal: by.ci, resources: resources.map(arn), decision: 'Allow', ...more };
}

/** `action relativeId` for each pair that the documents allow. */
function pairs(calls: RecordedCall[], options: { includeDenied?: boolean } = {}): string[] {
  return suggestPolicy(calls, ci, options).documents.flatMap(({ Statement }) =>
    Statement.flatMap(({ Action, Resource }) =>
      Action.flatMap((action) => Resource.map((resource) => `${action} ${resource.replace(arn(''), '')}`)),
    ),
  );
}

const denied = { decision: 'Deny', decidedBy: 'None' } as const;

describe('the suggestion for a user', () => {
  test.each<[string, RecordedCall[], string[]]>([
    ['nothing without calls', [], []],
    ['the call on its resource', [call('DescribeKey', ['key/a'])], ['kms:DescribeKey key/a']],
    ['a call once, however often made', [call('ListKeys', ['key']), call('ListKeys', ['key'])], ['kms:ListKeys key']],
    [
      'the key of a secret',
      [call('GetSecretValue', ['secret/a', 'key/k'])],
      ['kms:Decrypt key/k', 'kms:GetSecretValue secret/a'],
    ],
    [
      'the permission that the record names, where the action alone does not say',
      [
        call('WaitSecretChanges', ['secret/a'], { permission: 'kms:ListSecretVersionIds' }),
        call('WaitSecretChanges', ['secret/b', 'key/k']),
      ],
      ['kms:Decrypt key/k', 'kms:GetSecretValue secret/b', 'kms:ListSecretVersionIds secret/a'],
    ],
    [
      'the key of a new value',
      [call('PutSecretValue', ['secret/a', 'key/k'])],
      ['kms:GenerateDataKey key/k', 'kms:PutSecretValue secret/a'],
    ],
    [
      'the key that protects a managed data key',
      [call('GetManagedDataKey', ['datakey/a', 'key/k']), call('CreateManagedDataKeyVersion', ['datakey/a', 'key/k'])],
      [
        'kms:CreateManagedDataKeyVersion datakey/a',
        'kms:GetManagedDataKey datakey/a',
        'kms:Decrypt key/k',
        'kms:GenerateDataKey key/k',
      ],
    ],
    [
      'both ends of ReEncrypt',
      [call('ReEncrypt', ['key/a', 'key/b'])],
      ['kms:ReEncryptFrom key/a', 'kms:ReEncryptTo key/b'],
    ],
    [
      'both ends of ReEncrypt on one key',
      [call('ReEncrypt', ['key/a'])],
      ['kms:ReEncryptFrom key/a', 'kms:ReEncryptTo key/a'],
    ],
    ['nothing of others', [call('ListKeys', ['key'], { principal: by.other })], []],
    ['nothing that needed no permission', [call('ListKeys', ['key'], { decision: 'None' })], []],
    ['nothing that was denied', [call('ListKeys', ['key'], denied)], []],
    [
      'no wildcard that a caller wrote',
      [call('DescribeSecret', ['secret/*']), call('DescribeSecret', ['secret/a?'])],
      [],
    ],
  ])('has %s', (_what, calls, expected) => {
    expect(pairs(calls)).toEqual(expected);
  });

  it('has what was denied when asked to', () => {
    expect(pairs([call('ListKeys', ['key'], denied)], { includeDenied: true })).toEqual(['kms:ListKeys key']);
    expect(pairs([call('DescribeSecret', ['secret/*'], denied)], { includeDenied: true })).toEqual([]);
  });

  it('joins no actions with resources that were not called together', () => {
    const calls = [call('Encrypt', ['key/a']), call('Decrypt', ['key/b']), call('Encrypt', ['key/b'])];
    expect(pairs(calls)).toEqual(['kms:Decrypt key/b', 'kms:Encrypt key/b', 'kms:Encrypt key/a']);
  });

  it('says what it left out, how often and why', () => {
    expect(suggestPolicy([call('ListKeys', ['key'], denied), call('ListKeys', ['key'], denied)], ci).leftOut).toEqual([
      { call: `kms:ListKeys on ${arn('key')}`, calls: 2, why: 'It was denied. --include-denied takes it in.' },
    ]);
  });

  it('is the same whatever the order of the calls, in documents that RAM takes', () => {
    const calls = Array.from({ length: 150 }, (_, index) =>
      call('GetSecretValue', [`secret/${'long/'.repeat(10)}${index}`]),
    );
    const { documents } = suggestPolicy(calls, ci);
    expect(documents.length).toBeGreaterThan(1);
    for (const document of documents) parsePolicyDocument(JSON.stringify(document), 'identity');
    expect(suggestPolicy(calls.toReversed(), ci).documents).toEqual(documents);
  });
});

describe('the suggestion for an access point', () => {
  const entered = { principal: by.session, decidedBy: 'RbacPolicy/shop' };

  test.each<[string, RecordedCall[], unknown]>([
    [
      'its sessions',
      [call('GetSecretValue', ['secret/a'], entered)],
      [{ templates: ['SecretUser'], resources: ['secret/a'] }],
    ],
    [
      'its client keys',
      [call('Encrypt', ['key/k'], { principal: by.clientKey })],
      [{ templates: ['CryptoServiceKeyUser'], resources: ['key/k'] }],
    ],
    [
      'the key of a secret, which comes with it',
      [call('GetSecretValue', ['secret/a', 'key/k'], entered)],
      [{ templates: ['SecretUser'], resources: ['secret/a'] }],
    ],
    [
      'sessions of a role that is no access point',
      [call('GetSecretValue', ['secret/a'], { principal: by.session, decidedBy: 'RamPolicy/a' })],
      [],
    ],
    ['an action that no template has', [call('CreateKey', ['key'], entered)], []],
    ['a wildcard that a caller wrote', [call('GetSecretValue', ['secret/*'], entered)], []],
  ])('takes %s as it must', (_what, calls, expected) => {
    expect(suggestPolicy(calls, shop).grants).toEqual(expected);
  });

  it('takes in what Shadow mode would deny when asked to', () => {
    const shadowed = call('GetSecretValue', ['secret/a'], {
      ...entered,
      decision: 'Deny',
      decidedBy: 'shadow:RbacPolicy/shop',
    });
    expect(suggestPolicy([shadowed], shop).grants).toEqual([]);
    expect(suggestPolicy([shadowed], shop, { includeDenied: true }).grants).toHaveLength(1);
  });

  it('lists 64 resources in a policy at most', () => {
    const calls = Array.from({ length: 65 }, (_, index) => call('GetSecretValue', [`secret/${index}`], entered));
    expect(suggestPolicy(calls, shop).grants.map(({ resources }) => resources.length)).toEqual([64, 1]);
  });
});
