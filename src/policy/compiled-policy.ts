import { LRUCache } from 'lru-cache';
import { messageOf } from '../lib/errors.ts';
import { actionIndexOf, type ActionIndex, type ActionName, type Positions } from './action-index.ts';
import type { ConditionFacts } from './condition-keys.ts';
import { parsePolicyDocument } from './document.ts';
import { compileAnyOf, type Matcher } from './match.ts';
import type { PolicyKind } from './policy-kinds.ts';
import type { PolicyStatement } from './statement.ts';

/** A statement ready to be asked, by those whose policy says that it is about the action. */
export interface CompiledStatement extends Pick<PolicyStatement, 'sid' | 'effect' | 'principals' | 'conditions'> {
  /** Position in the document, from 0. */
  readonly index: number;
  readonly coversResource: Matcher;
}

/** A policy document ready to be asked. */
export class CompiledPolicy {
  readonly statements: readonly CompiledStatement[];
  /** Why the document cannot be read. Then it has no statements, and whoever it speaks about is denied. */
  readonly problem: string | undefined;
  readonly #actions: ActionIndex;

  constructor(statements: readonly CompiledStatement[], actions: ActionIndex, problem?: string) {
    this.statements = statements;
    this.#actions = actions;
    this.problem = problem;
  }

  /** Which statements are about an action. */
  about(action: ActionName): Positions {
    return this.#actions.about(action);
  }

  /** The statements at these positions. */
  at(positions: readonly number[]): readonly CompiledStatement[] {
    return this.statements.filter(({ index }) => positions.includes(index));
  }

  /** The first of the statements at these positions for which `holds` is true. */
  find(positions: readonly number[], holds: (statement: CompiledStatement) => boolean): CompiledStatement | undefined {
    for (const at of positions) {
      const statement = this.statements[at];
      if (statement !== undefined && holds(statement)) return statement;
    }
    return undefined;
  }
}

/** Most documents that are kept compiled, and most characters of them. */
const CACHE_ENTRIES = 32_768;
const CACHE_CHARACTERS = 64 * 1024 * 1024;

const newCache = (): LRUCache<string, CompiledPolicy> =>
  new LRUCache({
    max: CACHE_ENTRIES,
    maxSize: CACHE_CHARACTERS,
    sizeCalculation: (_policy, text) => text.length + 256,
  });

const caches: Readonly<Record<PolicyKind, LRUCache<string, CompiledPolicy>>> = {
  identity: newCache(),
  session: newCache(),
  resource: newCache(),
  trust: newCache(),
};

/** Compiles a document, once per text. Never throws; see {@link CompiledPolicy.problem}. */
export function compilePolicy(text: string, kind: PolicyKind): CompiledPolicy {
  const cached = caches[kind].get(text);
  if (cached !== undefined) return cached;
  const compiled = compile(text, kind);
  caches[kind].set(text, compiled);
  return compiled;
}

function compile(text: string, kind: PolicyKind): CompiledPolicy {
  try {
    const { statements } = parsePolicyDocument(text, kind);
    return new CompiledPolicy(statements.map(compileStatement), actionIndexOf(statements));
  } catch (error) {
    return new CompiledPolicy([], actionIndexOf([]), messageOf(error));
  }
}

const everything: Matcher = () => true;

function compileStatement(
  { sid, effect, principals, conditions, resources }: PolicyStatement,
  index: number,
): CompiledStatement {
  const coversResource = resources.length === 0 ? everything : compileAnyOf(resources);
  return { index, ...(sid === undefined ? {} : { sid }), effect, principals, conditions, coversResource };
}

/** What is asked of a statement. */
export interface Question {
  readonly resource: string;
  readonly facts: ConditionFacts;
}

/** Whether the statement, which is about the action, takes effect for the question. Who asks is the caller's business. */
export function statementApplies(statement: CompiledStatement, question: Question): boolean {
  return statement.coversResource(question.resource) && failedCondition(statement, question) === undefined;
}

/** The part of a statement about the action that does not fit the question, as a clause; `undefined` when all fits. */
export function statementMismatch(statement: CompiledStatement, question: Question): string | undefined {
  if (!statement.coversResource(question.resource)) return 'another resource';
  const failed = failedCondition(statement, question);
  return failed === undefined ? undefined : `condition ${failed.test.operator} on ${failed.test.key} does not hold`;
}

function failedCondition(
  { conditions, effect }: CompiledStatement,
  { facts }: Question,
): CompiledStatement['conditions'][number] | undefined {
  return conditions.find((condition) => !condition.holds(facts, effect));
}
