/**
 * A second evaluator of policies, as plain as the rules are written, to compare the real one with. It shares no code with it:
 * documents are read with JSON.parse at every decision, patterns are regular expressions, lists are walked.
 */

export interface ReferenceStatement {
  Effect: 'Allow' | 'Deny';
  Action?: string | string[];
  NotAction?: string | string[];
  Resource?: string | string[];
  Principal?: { RAM: string | string[] };
  Condition?: Record<string, Record<string, string | string[]>>;
}

export interface ReferenceQuestion {
  /** Such as `acs:ram::1:user/ci`. */
  principalArn: string;
  accountId: string;
  action: string;
  resource: string;
  tags: Record<string, string>;
  identityPolicies: string[];
  sessionPolicy?: string | undefined;
  resourcePolicy?: string | undefined;
}

const list = (value: string | string[] | undefined): string[] => (value === undefined ? [] : [value].flat());

function like(pattern: string, text: string, flags = ''): boolean {
  const source = pattern.replace(
    /[.*+?^${}()|[\]\\/]/g,
    (found) => ({ '*': '[^]*', '?': '[^]' })[found] ?? `\\${found}`,
  );
  return new RegExp(`^${source}$`, flags).test(text);
}

const statementsOf = (document: string | undefined): ReferenceStatement[] =>
  document === undefined ? [] : (JSON.parse(document) as { Statement: ReferenceStatement[] }).Statement;

/** The conditions of the test's documents: StringEquals, StringNotEquals and StringLike on tags. */
function conditionsHold({ Effect, Condition }: ReferenceStatement, tags: Record<string, string>): boolean {
  return Object.entries(Condition ?? {}).every(([operator, keys]) =>
    Object.entries(keys).every(([key, values]) => {
      const actual = tags[key.replace('kms:tag/', '')];
      if (operator === 'StringEquals') return actual !== undefined && list(values).includes(actual);
      if (operator === 'StringLike') return actual !== undefined && list(values).some((value) => like(value, actual));
      if (operator !== 'StringNotEquals') throw new Error(`no such operator here: ${operator}`);
      return actual === undefined ? Effect === 'Deny' : !list(values).includes(actual);
    }),
  );
}

function applies(statement: ReferenceStatement, question: ReferenceQuestion): boolean {
  const listed = (patterns: string[]): boolean => patterns.some((pattern) => like(pattern, question.action, 'i'));
  const action =
    statement.NotAction === undefined ? listed(list(statement.Action)) : !listed(list(statement.NotAction));
  const resource = list(statement.Resource).some((pattern) => like(pattern, question.resource));
  return action && resource && conditionsHold(statement, question.tags);
}

const about =
  (names: string[]) =>
  (statement: ReferenceStatement): boolean =>
    list(statement.Principal?.RAM).some((name) => names.includes(name));

/** `Allow`, or how it was denied. Users and roles of one account only. */
export function referenceDecision(question: ReferenceQuestion): 'Allow' | 'ExplicitDeny' | 'ImplicitDeny' {
  const { principalArn, accountId, identityPolicies, sessionPolicy, resourcePolicy } = question;
  const account = [`acs:ram::${accountId}:root`, `acs:ram::${accountId}:*`];
  const identity = identityPolicies.flatMap(statementsOf).filter((statement) => applies(statement, question));
  const session = statementsOf(sessionPolicy).filter((statement) => applies(statement, question));
  const resource = statementsOf(resourcePolicy).filter((statement) => applies(statement, question));

  const denials = [...identity, ...session, ...resource.filter(about([principalArn, ...account]))];
  if (denials.some(({ Effect }) => Effect === 'Deny')) return 'ExplicitDeny';
  const grants = [...identity, ...resource.filter(about([principalArn]))];
  const narrowed = sessionPolicy !== undefined && !session.some(({ Effect }) => Effect === 'Allow');
  return grants.some(({ Effect }) => Effect === 'Allow') && !narrowed ? 'Allow' : 'ImplicitDeny';
}
