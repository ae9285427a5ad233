import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { compileCondition, conditionOperators } from '../../src/policy/condition.ts';
import { conditionKeys, type ConditionFacts } from '../../src/policy/condition-keys.ts';
import { parseInstant } from '../../src/policy/instant.ts';

interface ConditionVector {
  operator: string;
  values: string[];
  fact?: string;
  allow: boolean;
  deny: boolean;
}

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../vectors/policy/${name}`, import.meta.url), 'utf8'));
const vectors = read('conditions.json') as ConditionVector[];
const instants = read('instants.json') as { text: string; ms: number | null }[];

const context = { time: Date.UTC(2026, 0, 1), sourceIp: '10.1.2.3', secureTransport: true };
const factsWith = (tag?: string): ConditionFacts => (tag === undefined ? { context } : { context, tags: { t: tag } });

describe('a condition', () => {
  test.each(vectors)('$operator $values on $fact: $allow in an Allow, $deny in a Deny', (vector) => {
    const condition = compileCondition({ operator: vector.operator, key: 'kms:tag/t', values: vector.values });
    expect(condition.holds(factsWith(vector.fact), 'Allow')).toBe(vector.allow);
    expect(condition.holds(factsWith(vector.fact), 'Deny')).toBe(vector.deny);
  });

  test('operator has vectors, each of them', () => {
    const covered = new Set(vectors.map(({ operator }) => operator));
    expect([...conditionOperators.keys()].filter((operator) => !covered.has(operator))).toEqual([]);
  });

  test('never holds in an Allow without holding in a Deny: what is unknown only ever narrows', () => {
    expect(vectors.filter(({ allow, deny }) => allow && !deny)).toEqual([]);
  });
});

describe('a time in a condition', () => {
  test.each(instants)('D7: $text is $ms', ({ text, ms }) => {
    expect(parseInstant(text) ?? null).toBe(ms);
  });

  test('D7: ends a window at its millisecond, and exclusively', () => {
    const until = compileCondition({
      operator: 'DateLessThan',
      key: 'acs:CurrentTime',
      values: ['2026-06-01T00:00:00Z'],
    });
    const at = (time: number): boolean => until.holds({ context: { ...context, time } }, 'Allow');
    expect(at(Date.UTC(2026, 5, 1) - 1)).toBe(true);
    expect(at(Date.UTC(2026, 5, 1))).toBe(false);
    expect(at(Date.UTC(2026, 5, 1) + 1)).toBe(false);
  });
});

const factOf = (name: string, facts: ConditionFacts): unknown => conditionKeys.find(name)?.read(facts);

describe('a condition key', () => {
  test.each([
    ['acs:SourceIp', '10.1.2.3'],
    ['acs:SecureTransport', 'true'],
    ['acs:CurrentTime', context.time],
    ['acs:MFAPresent', 'false'],
    ['acs:SourceVpc', undefined],
    ['acs:VpcSourceIp', undefined],
  ])('%s is %j outside a VPC', (name, expected) => {
    expect(factOf(name, { context })).toBe(expected);
  });

  test('acs:VpcSourceIp is the source address of a request that came through a VPC', () => {
    const inVpc = { context: { ...context, sourceVpc: 'vpc-1' } };
    expect(factOf('acs:VpcSourceIp', inVpc)).toBe('10.1.2.3');
    expect(factOf('acs:SourceVpc', inVpc)).toBe('vpc-1');
  });

  test('of a tag reads that tag under both names, and nothing of Object', () => {
    const facts = { context, tags: { Project: 'Apollo' } };
    expect(factOf('kms:tag/Project', facts)).toBe('Apollo');
    expect(factOf('acs:ResourceTag/Project', facts)).toBe('Apollo');
    expect(factOf('kms:tag/project', facts)).toBeUndefined();
    expect(factOf('kms:tag/constructor', facts)).toBeUndefined();
    expect(factOf('kms:tag/__proto__', facts)).toBeUndefined();
  });

  test.each(['acs:sourceip', 'ACS:SourceIp', 'kms:Tag/a', 'kms:tag/', 'toString', ''])('D5: %j is none', (name) => {
    expect(conditionKeys.find(name)).toBeUndefined();
  });
});
