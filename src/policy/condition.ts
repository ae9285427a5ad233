import { conditionKeys, type ConditionFacts, type Fact } from './condition-keys.ts';
import { compileWildcard } from './match.ts';
import { blockContains, parseAddress, parseAddressBlock } from './cidr.ts';
import { parseInstant } from './instant.ts';

/**
 * Compares the fact of a request with one value of a condition. `undefined` when the two cannot be compared, such as a tag
 * that is no number with NumericLessThan.
 */
type Comparison = (fact: Fact) => boolean | undefined;

/** A row of the operator table. */
interface Operator {
  /** Whether the operator holds when *none* of its values compares (StringNotEquals, NotIpAddress, …). */
  readonly negated: boolean;
  /** Prepares one value; throws an Error that says what a value must look like. */
  readonly compile: (value: string) => Comparison;
}

const textOf = (fact: Fact): string => (typeof fact === 'number' ? new Date(fact).toISOString() : fact);
const sameText =
  (value: string): Comparison =>
  (fact) =>
    textOf(fact) === value;
const sameTextAnyCase = (value: string): Comparison => {
  const folded = value.toLowerCase();
  return (fact) => textOf(fact).toLowerCase() === folded;
};
const like = (value: string): Comparison => {
  const matches = compileWildcard(value);
  return (fact) => matches(textOf(fact));
};

const NUMBER = /^-?[0-9]{1,15}(?:\.[0-9]{1,15})?$/;
const numberOf = (fact: Fact): number | undefined =>
  typeof fact === 'string' && NUMBER.test(fact) ? Number(fact) : undefined;
const instantOf = (fact: Fact): number | undefined => (typeof fact === 'number' ? fact : parseInstant(fact));

type Order = (actual: number, expected: number) => boolean;

function ordered(read: (fact: Fact) => number | undefined, hint: string, holds: Order): Operator['compile'] {
  return (value) => {
    const expected = read(value);
    if (expected === undefined) throw new Error(hint);
    return (fact) => {
      const actual = read(fact);
      return actual === undefined ? undefined : holds(actual, expected);
    };
  };
}

const numeric = (holds: Order): Operator['compile'] =>
  ordered(numberOf, 'write a decimal number in quotes, such as "10"', holds);
const date = (holds: Order): Operator['compile'] =>
  ordered(instantOf, 'write a time such as "2026-01-31T12:00:00Z" or "2026-01-31T12:00:00+08:00"', holds);

const isEqual: Order = (actual, expected) => actual === expected;
const isLess: Order = (actual, expected) => actual < expected;
const isLessOrEqual: Order = (actual, expected) => actual <= expected;
const isGreater: Order = (actual, expected) => actual > expected;
const isGreaterOrEqual: Order = (actual, expected) => actual >= expected;

const truth = (value: string): Comparison => {
  const expected = value.toLowerCase();
  if (expected !== 'true' && expected !== 'false') throw new Error('write "true" or "false"');
  return (fact) => {
    const actual = textOf(fact).toLowerCase();
    return actual === 'true' || actual === 'false' ? actual === expected : undefined;
  };
};

const inBlock = (value: string): Comparison => {
  const block = parseAddressBlock(value);
  return (fact) => {
    const address = parseAddress(textOf(fact));
    return address === undefined ? undefined : blockContains(block, address);
  };
};

const holds = (compile: Operator['compile']): Operator => ({ negated: false, compile });
const holdsNot = (compile: Operator['compile']): Operator => ({ negated: true, compile });

/** The condition operators of RAM policies (Policy elements → Condition). To add one, add a row. */
export const conditionOperators: ReadonlyMap<string, Operator> = new Map([
  ['StringEquals', holds(sameText)],
  ['StringNotEquals', holdsNot(sameText)],
  ['StringEqualsIgnoreCase', holds(sameTextAnyCase)],
  ['StringNotEqualsIgnoreCase', holdsNot(sameTextAnyCase)],
  ['StringLike', holds(like)],
  ['StringNotLike', holdsNot(like)],
  ['NumericEquals', holds(numeric(isEqual))],
  ['NumericNotEquals', holdsNot(numeric(isEqual))],
  ['NumericLessThan', holds(numeric(isLess))],
  ['NumericLessThanEquals', holds(numeric(isLessOrEqual))],
  ['NumericGreaterThan', holds(numeric(isGreater))],
  ['NumericGreaterThanEquals', holds(numeric(isGreaterOrEqual))],
  ['DateEquals', holds(date(isEqual))],
  ['DateNotEquals', holdsNot(date(isEqual))],
  ['DateLessThan', holds(date(isLess))],
  ['DateLessThanEquals', holds(date(isLessOrEqual))],
  ['DateGreaterThan', holds(date(isGreater))],
  ['DateGreaterThanEquals', holds(date(isGreaterOrEqual))],
  ['Bool', holds(truth)],
  ['IpAddress', holds(inBlock)],
  ['NotIpAddress', holdsNot(inBlock)],
]);

/** One line of a Condition block: an operator, a key and the values to compare with. */
export interface ConditionTest {
  readonly operator: string;
  readonly key: string;
  readonly values: readonly string[];
}

/** A condition ready to be asked. */
export interface CompiledCondition {
  readonly test: ConditionTest;
  /** Whether the statement may take effect. What is not known never widens what is allowed: it fails an Allow, meets a Deny. */
  readonly holds: (facts: ConditionFacts, effect: 'Allow' | 'Deny') => boolean;
}

/** @throws Error that says what is wrong with the operator or a value, without the path. */
export function compileCondition(test: ConditionTest): CompiledCondition {
  const operator = conditionOperators.get(test.operator);
  const key = conditionKeys.find(test.key);
  if (operator === undefined) throw new Error(`there is no condition operator ${test.operator}`);
  if (key === undefined) throw new Error(`there is no condition key ${test.key}`);
  const comparisons = test.values.map((value) => operator.compile(value));
  return {
    test,
    holds: (facts, effect) => {
      const fact = key.read(facts);
      // An absent key equals nothing. An Allow wants positive knowledge, so it fails there even under a negated operator.
      if (fact === undefined) return effect === 'Deny' && operator.negated;
      const outcome = anyOf(comparisons, fact);
      if (outcome === undefined) return effect === 'Deny';
      return outcome !== operator.negated;
    },
  };
}

function anyOf(comparisons: readonly Comparison[], fact: Fact): boolean | undefined {
  let unknown = false;
  for (const compare of comparisons) {
    const outcome = compare(fact);
    if (outcome === true) return true;
    if (outcome === undefined) unknown = true;
  }
  return unknown ? undefined : false;
}
