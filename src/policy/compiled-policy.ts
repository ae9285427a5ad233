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

/** The statements of a policy that are about one action. */
export interface ActionStatements {
  readonly denials: readonly CompiledStatement[];
  readonly permissions: readonly CompiledStatement[];
}

/** A policy document ready to be asked. */
export interface CompiledPolicy {
  readonly statements: readonly CompiledStatement[];
  /** The statements about an action, given in lower case. */
  readonly about: (action: string) => ActionStatements;
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
    return { statements, about: indexByAction(statements) };
  } catch (error) {
    return { statements: [], about: () => ({ denials: [], permissions: [] }), problem: messageOf(error) };
  }
}

/** Most actions that are remembered per policy; KMS has about a hundred. */
const INDEX_ENTRIES = 256;

/** Matches the names of actions once per action, not once per decision. */
function indexByAction(statements: readonly CompiledStatement[]): CompiledPolicy['about'] {
  const index = new Map<string, ActionStatements>();
  return (action) => {
    const known = index.get(action);
    if (known !== undefined) return known;
    const about = statements.filter(({ coversAction }) => coversAction(action));
    const found: ActionStatements = {
      denials: about.filter(({ statement }) => statement.effect === 'Deny'),
      permissions: about.filter(({ statement }) => statement.effect === 'Allow'),
    };
    if (index.size < INDEX_ENTRIES) index.set(action, found);
    return found;
  };
}

function compileStatement(statement: PolicyStatement, index: number): CompiledStatement {
  const listed = compileAnyOf(statement.actions.map((action) => inOneSpelling(action.toLowerCase())));
  return {
    index,
    statement,
    coversAction: statement.notAction ? (action) => !listed(action) : listed,
    coversResource: statement.resources.length === 0 ? () => true : compileAnyOf(statement.resources),
  };
}

/** Actions that Alibaba Cloud writes in two ways ("Use RAM to manage access to KMS resources"), in lower case. */
const otherSpellings: ReadonlyMap<string, string> = new Map([
  ['kms:updatecertificatestatue', 'kms:updatecertificatestatus'],
]);

function inOneSpelling(action: string): string {
  return otherSpellings.get(action) ?? action;
}

/** Action names as they were asked for → in lower case. There are about a hundred. */
const foldedActions = new Map<string, string>();

/** The action in lower case, in which it is compared: the same text object each time, so that comparing is quick. */
export function foldAction(action: string): string {
  const known = foldedActions.get(action);
  if (known !== undefined) return known;
  const folded = inOneSpelling(action.toLowerCase());
  if (foldedActions.size < INDEX_ENTRIES) foldedActions.set(action, folded);
  return folded;
}

/** What is asked of a statement. */
export interface Question {
  /** In lower case. */
  readonly action: string;
  readonly resource: string;
  readonly facts: ConditionFacts;
}

/** Whether the statement, which is about the action, takes effect for the question. Who asks is the caller's business. */
export function statementApplies({ statement, coversResource }: CompiledStatement, question: Question): boolean {
  if (!coversResource(question.resource)) return false;
  const { conditions, effect } = statement;
  return conditions.every((condition) => condition.holds(question.facts, effect));
}

/** The part of a statement about the action that does not fit the question, as a clause; `undefined` when all fits. */
export function statementMismatch(compiled: CompiledStatement, question: Question): string | undefined {
  if (!compiled.coversResource(question.resource)) return 'another resource';
  const { conditions, effect } = compiled.statement;
  const failed = conditions.find((condition) => !condition.holds(question.facts, effect));
  return failed === undefined ? undefined : `condition ${failed.test.operator} on ${failed.test.key} does not hold`;
}
