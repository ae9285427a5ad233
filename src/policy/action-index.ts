import { LRUCache } from 'lru-cache';
import { compileAnyOf, type Matcher } from './match.ts';
import type { PolicyStatement } from './statement.ts';

/** The name of an action as it is compared. There is one such object for each action that is asked for often. */
export interface ActionName {
  /** In lower case: action names are not case-sensitive (RAM policy elements → Action). */
  readonly folded: string;
  /** Of its own among those that are remembered; -1 for the others. */
  readonly number: number;
}

/** Most actions that are remembered; KMS has about a hundred. */
const KNOWN_ACTIONS = 256;

/** Action names as they were asked for, and as they are compared. */
const knownActions = new Map<string, ActionName>();

/** The action as it is compared. */
export function actionName(action: string): ActionName {
  const known = knownActions.get(action);
  if (known !== undefined) return known;
  const folded = inOneSpelling(action.toLowerCase());
  const isRemembered = knownActions.size < KNOWN_ACTIONS;
  const name = knownActions.get(folded) ?? { folded, number: isRemembered ? knownActions.size : -1 };
  if (isRemembered) knownActions.set(folded, name).set(action, name);
  return name;
}

/** Actions that Alibaba Cloud writes in two ways ("Use RAM to manage access to KMS resources"), in lower case. */
const otherSpellings: ReadonlyMap<string, string> = new Map([
  ['kms:updatecertificatestatue', 'kms:updatecertificatestatus'],
]);

function inOneSpelling(action: string): string {
  return otherSpellings.get(action) ?? action;
}

/** Which statements of a document are about one action: their positions, in order. */
export interface Positions {
  readonly denials: readonly number[];
  readonly permissions: readonly number[];
}

/** What an index needs to know of a statement. */
export type IndexedStatement = Pick<PolicyStatement, 'effect' | 'actions' | 'notAction'>;

/** Tells which statements are about an action. Names of actions are matched once per action, not once per decision. */
export class ActionIndex {
  readonly #statements: readonly { readonly effect: PolicyStatement['effect']; readonly covers: Matcher }[];
  readonly #byNumber: (Positions | undefined)[] = [];

  constructor(statements: readonly IndexedStatement[]) {
    this.#statements = statements.map(({ effect, actions, notAction }) => {
      const listed = compileAnyOf(actions.map((action) => inOneSpelling(action.toLowerCase())));
      return { effect, covers: notAction ? (action: string) => !listed(action) : listed };
    });
  }

  about({ folded, number }: ActionName): Positions {
    const known = number < 0 ? undefined : this.#byNumber[number];
    if (known !== undefined) return known;
    const positionsOf = (wanted: PolicyStatement['effect']): number[] =>
      this.#statements.flatMap(({ effect, covers }, at) => (effect === wanted && covers(folded) ? [at] : []));
    const found = { denials: positionsOf('Deny'), permissions: positionsOf('Allow') };
    if (number >= 0) this.#byNumber[number] = found;
    return found;
  }
}

/** Most indexes that several documents share. */
const SHARED_INDEXES = 4096;

const shared = new LRUCache<string, ActionIndex>({ max: SHARED_INDEXES });

/** The index of these statements, one for all documents whose statements list the same actions, as those of teams often do. */
export function actionIndexOf(statements: readonly IndexedStatement[]): ActionIndex {
  const key = JSON.stringify(statements.map(({ effect, notAction, actions }) => [effect, notAction, actions]));
  const known = shared.get(key);
  if (known !== undefined) return known;
  const index = new ActionIndex(statements);
  shared.set(key, index);
  return index;
}
