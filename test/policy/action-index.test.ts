import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { actionIndexOf, actionName, type IndexedStatement } from '../../src/policy/action-index.ts';
import { compileWildcard } from '../../src/policy/match.ts';

const words = fc.constantFrom('kms:Get', 'kms:get*', 'KMS:Put', 'kms:?ut', 'kms:*', '*', 'ram:Get', 'kms:Decrypt');
const statement: fc.Arbitrary<IndexedStatement> = fc.record({
  effect: fc.constantFrom('Allow' as const, 'Deny' as const),
  actions: fc.array(words, { minLength: 1, maxLength: 3 }),
  notAction: fc.boolean(),
});
const asked = fc.constantFrom('kms:Get', 'KMS:GET', 'kms:Put', 'kms:GetSecretValue', 'ram:Get', 'sts:AssumeRole');

/** The positions by looking at each statement. */
function positions(statements: readonly IndexedStatement[], effect: string, action: string): number[] {
  const isAbout = ({ actions, notAction }: IndexedStatement): boolean =>
    actions.some((pattern) => compileWildcard(pattern.toLowerCase())(action.toLowerCase())) !== notAction;
  return statements.flatMap((one, at) => (one.effect === effect && isAbout(one) ? [at] : []));
}

describe('An index of actions', () => {
  test('has of each action the statements that are about it, whoever shares the index and however often it is asked', () => {
    fc.assert(
      fc.property(fc.array(statement, { maxLength: 4 }), asked, (statements, action) => {
        const expected = {
          denials: positions(statements, 'Deny', action),
          permissions: positions(statements, 'Allow', action),
        };
        const index = actionIndexOf(statements);
        expect(index.about(actionName(action))).toEqual(expected);
        expect(actionIndexOf(structuredClone(statements)).about(actionName(action))).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });

  test('is one for documents that list the same actions in the same order, and no other', () => {
    const allow = (...actions: string[]): IndexedStatement => ({ effect: 'Allow', actions, notAction: false });
    const index = actionIndexOf([allow('kms:Get', 'kms:Put')]);
    expect(actionIndexOf([allow('kms:Get', 'kms:Put')])).toBe(index);
    for (const other of [
      [allow('kms:Get'), allow('kms:Put')],
      [allow('kms:Get,kms:Put')],
      [{ ...allow('kms:Get', 'kms:Put'), effect: 'Deny' as const }],
      [{ ...allow('kms:Get', 'kms:Put'), notAction: true }],
    ])
      expect(actionIndexOf(other)).not.toBe(index);
  });

  test('answers for actions beyond those that are remembered, too', () => {
    const index = actionIndexOf([{ effect: 'Deny', actions: ['kms:Odd*9'], notAction: false }]);
    for (let round = 0; round < 2; round += 1)
      for (let number = 0; number < 600; number += 1) {
        const denials = number % 10 === 9 ? [0] : [];
        expect(index.about(actionName(`kms:Odd${number}`))).toEqual({ denials, permissions: [] });
      }
    expect(actionName('kms:Odd599').number).toBe(-1);
  });
});
