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
  /** What the request is known by besides, such as `acs:SourceIp`. */
  facts?: Record<string, string>;
  /** Of somebody who came through an access point; his only source of permissions. */
  grants?: ReferenceGrant[];
  identityPolicies: string[];
  sessionPolicy?: string | undefined;
  resourcePolicy?: string | undefined;
}

/** A permission policy of an access point in the scope `shared`. */
export interface ReferenceGrant {
  templates: ('SecretUser' | 'CryptoServiceKeyUser')[];
  /** `key/<id>` and `secret/<name>`; `*` may stand at the end. */
  resources: string[];
  /** Blocks of addresses; absent: from anywhere. */
  networks?: string[];
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

const bitsOf = (address: string): string =>
  address
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');

function isInBlock(address: string, block: string): boolean {
  const [base = '', length = '32'] = block.split('/');
  return bitsOf(address).slice(0, Number(length)) === bitsOf(base).slice(0, Number(length));
}

const isNumber = (text: string): boolean => /^-?\d+(\.\d+)?$/.test(text);

/** Operators that are not negated → whether a fact and a value fit; `undefined` when they cannot be compared. */
const comparisons: Record<string, (fact: string, value: string) => boolean | undefined> = {
  StringEquals: (fact, value) => fact === value,
  StringEqualsIgnoreCase: (fact, value) => fact.toUpperCase() === value.toUpperCase(),
  StringLike: (fact, value) => like(value, fact),
  NumericEquals: (fact, value) => (isNumber(fact) ? Number(fact) === Number(value) : undefined),
  NumericLessThan: (fact, value) => (isNumber(fact) ? Number(fact) < Number(value) : undefined),
  NumericGreaterThanEquals: (fact, value) => (isNumber(fact) ? Number(fact) >= Number(value) : undefined),
  DateLessThan: (fact, value) => Date.parse(fact) < Date.parse(value),
  DateGreaterThanEquals: (fact, value) => Date.parse(fact) >= Date.parse(value),
  Bool: (fact, value) => fact === value,
  IpAddress: isInBlock,
};

function conditionsHold({ Effect, Condition }: ReferenceStatement, { tags, facts }: ReferenceQuestion): boolean {
  return Object.entries(Condition ?? {}).every(([operator, keys]) => {
    const negated = operator.includes('Not');
    const compare = comparisons[operator.replace('Not', '')];
    if (compare === undefined) throw new Error(`no such operator here: ${operator}`);
    return Object.entries(keys).every(([key, values]) => {
      const fact = key.startsWith('acs:') ? facts?.[key] : tags[key.replace('kms:tag/', '')];
      if (fact === undefined) return negated && Effect === 'Deny';
      const outcomes = list(values).map((value) => compare(fact, value));
      if (outcomes.includes(true)) return !negated;
      return outcomes.includes(undefined) ? Effect === 'Deny' : negated;
    });
  });
}

function applies(statement: ReferenceStatement, question: ReferenceQuestion): boolean {
  const listed = (patterns: string[]): boolean => patterns.some((pattern) => like(pattern, question.action, 'i'));
  const action =
    statement.NotAction === undefined ? listed(list(statement.Action)) : !listed(list(statement.NotAction));
  const resource = list(statement.Resource).some((pattern) => like(pattern, question.resource));
  return action && resource && conditionsHold(statement, question);
}

const about =
  (names: string[]) =>
  (statement: ReferenceStatement): boolean =>
    list(statement.Principal?.RAM).some((name) => names.includes(name));

const keyActions = ['kms:Encrypt', 'kms:Decrypt'];

/** Whether the policy gives it, of the actions and resources that the tests ask about. */
function isGranted({ templates, resources, networks }: ReferenceGrant, question: ReferenceQuestion): boolean {
  const { action, facts, resource } = question;
  const name = resource.split(':').slice(4).join(':');
  const kind = action === 'kms:GetSecretValue' ? 'secret' : 'key';
  if (kind === 'secret' ? !templates.includes('SecretUser') : !templates.includes('CryptoServiceKeyUser')) return false;
  if (kind === 'key' && !keyActions.includes(action)) return false;
  if (name.startsWith('secret/kaap/client-key/') || !name.startsWith(`${kind}/`)) return false;
  const listed = resources.some((one) =>
    one.endsWith('*') ? one.startsWith(`${kind}/`) && name.startsWith(one.slice(0, -1)) : one === name,
  );
  const address = facts?.['acs:SourceIp'] ?? '';
  return listed && (networks === undefined || networks.some((block) => isInBlock(address, block)));
}

/** `Allow`, or how it was denied. Users, roles and access points of one account only. */
export function referenceDecision(question: ReferenceQuestion): 'Allow' | 'ExplicitDeny' | 'ImplicitDeny' {
  const { principalArn, accountId, identityPolicies, sessionPolicy, resourcePolicy } = question;
  const account = [`acs:ram::${accountId}:root`, `acs:ram::${accountId}:*`];
  const identity = identityPolicies.flatMap(statementsOf).filter((statement) => applies(statement, question));
  const session = statementsOf(sessionPolicy).filter((statement) => applies(statement, question));
  const resource = statementsOf(resourcePolicy).filter((statement) => applies(statement, question));

  const denials = [...identity, ...session, ...resource.filter(about([principalArn, ...account]))];
  if (denials.some(({ Effect }) => Effect === 'Deny')) return 'ExplicitDeny';
  const statements = [...identity, ...resource.filter(about([principalArn]))];
  const granted =
    question.grants?.some((grant) => isGranted(grant, question)) ?? statements.some(({ Effect }) => Effect === 'Allow');
  const narrowed = sessionPolicy !== undefined && !session.some(({ Effect }) => Effect === 'Allow');
  return granted && !narrowed ? 'Allow' : 'ImplicitDeny';
}
