import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parsePolicyDocument, PolicyDocumentError } from '../../src/policy/document.ts';
import { policyKinds, type PolicyKind } from '../../src/policy/policy-kinds.ts';

interface RefusedDocument {
  title: string;
  kind: PolicyKind;
  path: string;
  text?: string;
  statement?: object;
}

const refused = JSON.parse(
  readFileSync(new URL('../vectors/policy/documents.json', import.meta.url), 'utf8'),
) as RefusedDocument[];

const documentOf = (...statements: object[]): string => JSON.stringify({ Version: '1', Statement: statements });
const allowAll = { Effect: 'Allow', Action: 'kms:*', Resource: '*' };

function refusalOf(text: string, kind: PolicyKind): PolicyDocumentError {
  try {
    parsePolicyDocument(text, kind);
  } catch (error) {
    if (error instanceof PolicyDocumentError) return error;
    throw error;
  }
  throw new Error('The document was accepted.');
}

describe('a policy document', () => {
  test.each(refused)('is refused with the path of the element: $title', ({ kind, path, text, statement }) => {
    const error = refusalOf(text ?? documentOf(statement ?? {}), kind);
    expect(error.code).toBe('InvalidPolicyDocument');
    expect(error.path).toBe(path);
    expect(error.message).toContain(path);
  });

  test('names the statement that is wrong, not the first one', () => {
    const wrong = { ...allowAll, Condition: { IpAddress: { 'acs:SourceIp': 'here' } } };
    expect(refusalOf(documentOf(allowAll, wrong), 'identity').path).toBe(
      'Statement[1].Condition.IpAddress.acs:SourceIp',
    );
  });

  test.each(Object.entries(policyKinds) as [PolicyKind, { maxBytes: number }][])(
    'of kind %s is refused when it is longer than its limit, and says so',
    (kind, { maxBytes }) => {
      const error = refusalOf(' '.repeat(maxBytes + 1), kind);
      expect(error.tooLong).toBe(true);
      expect(error.message).toContain(String(maxBytes));
    },
  );

  test('is measured in bytes, not characters', () => {
    const padding = '密'.repeat(1000);
    const text = documentOf({ ...allowAll, Condition: { StringEquals: { 'kms:tag/a': padding } } });
    expect(text.length).toBeLessThan(policyKinds.session.maxBytes);
    expect(refusalOf(text, 'session').tooLong).toBe(true);
  });

  test('takes texts and lists alike, every element and any order', () => {
    const { statements } = parsePolicyDocument(
      documentOf({
        Condition: { Bool: { 'acs:SecureTransport': 'true' } },
        Resource: ['acs:kms:*:*:key*', '*'],
        NotAction: 'kms:Decrypt',
        Effect: 'Deny',
        Sid: 'no',
      }),
      'identity',
    );
    expect(statements).toMatchObject([
      { sid: 'no', effect: 'Deny', notAction: true, actions: ['kms:Decrypt'], resources: ['acs:kms:*:*:key*', '*'] },
    ]);
    expect(statements[0]?.conditions).toHaveLength(1);
  });

  test('keeps its statements when a member is called like something of Object', () => {
    const error = refusalOf('{"Version":"1","Statement":[],"constructor":1}', 'identity');
    expect(error.path).toBe('constructor');
  });
});
