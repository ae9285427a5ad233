import { LRUCache } from 'lru-cache';
import { messageOf } from '../lib/errors.ts';
import { compileAnyOf, type Matcher } from './match.ts';
import type { ConditionFacts } from './condition-keys.ts';
import { parsePolicyDocument } from './document.ts';
import type { PolicyKind } from './policy-kinds.ts';
import type { PolicyStatement } from './statement.ts';

/** A statement ready to be asked. */
export interface CompiledStatement {
  /** Position in the document, from 0. */
  readonly index: number;
  readonly statement: PolicyStatement;
  /** Takes the action in lower case: action names are not case-sensitive (RAM policy elements → Action). */
  readonly coversAction: Matcher;
  readonly coversResource: Matcher;
}

/** A policy document ready to be asked: its denials and its permissions. */
export interface CompiledPolicy {
  readonly denials: readonly CompiledStatement[];
  readonly permissions: readonly CompiledStatement[];
  /** Why the document cannot be read. Then it has no statements, and whoever it speaks about is denied. */
  readonly problem?: string;
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
    const statements = parsePolicyDocument(text, kind).statements.map(compileStatement);
    return {
      denials: statements.filter(({ statement }) => statement.effect === 'Deny'),
      permissions: statements.filter(({ statement }) => statement.effect === 'Allow'),
    };
  } catch (error) {
    return { denials: [], permissions: [], problem: messageOf(error) };
  }
}

function compileStatement(statement: PolicyStatement, index: number): CompiledStatement {
  const listed = compileAnyOf(statement.actions.map((action) => action.toLowerCase()));
  return {
    index,
    statement,
    coversAction: statement.notAction ? (action) => !listed(action) : listed,
    coversResource: statement.resources.length === 0 ? () => true : compileAnyOf(statement.resources),
  };
}

/** What is asked of a statement. */
export interface Question {
  /** In lower case. */
  readonly action: string;
  readonly resource: string;
  readonly facts: ConditionFacts;
}

/** Whether the statement takes effect for the question. Who asks is the caller's business. */
export function statementApplies(compiled: CompiledStatement, question: Question): boolean {
  if (!compiled.coversAction(question.action) || !compiled.coversResource(question.resource)) return false;
  const { conditions, effect } = compiled.statement;
  return conditions.every((condition) => condition.holds(question.facts, effect));
}

/** The part of the statement that does not fit the question, as a clause; `undefined` when all fits. */
export function statementMismatch(compiled: CompiledStatement, question: Question): string | undefined {
  if (!compiled.coversAction(question.action)) return 'another action';
  if (!compiled.coversResource(question.resource)) return 'another resource';
  const { conditions, effect } = compiled.statement;
  const failed = conditions.find((condition) => !condition.holds(question.facts, effect));
  return failed === undefined ? undefined : `condition ${failed.test.operator} on ${failed.test.key} does not hold`;
}
