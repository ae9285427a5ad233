import { parseRbacResource, rbacTemplates, type RbacTemplate } from './rbac-templates.ts';
import { policyKinds } from './policy-kinds.ts';

/** What a suggestion reads of an audit record. */
export interface RecordedCall {
  readonly product: string;
  readonly action: string;
  readonly principal: string;
  readonly resources: readonly string[];
  readonly permission?: string;
  readonly decision: 'Allow' | 'Deny' | 'None';
  readonly decidedBy?: string;
}

/** For whom a policy is suggested. */
export interface Beneficiary {
  readonly kind: 'user' | 'role' | 'applicationaccesspoint';
  readonly name: string;
  /** Name of the role of an access point; the access point's own name unless given. */
  readonly roleName?: string;
}

/** Something that the principal did, or tried, and the suggestion does not allow. */
export interface LeftOut {
  /** Such as `kms:CreateKey on acs:kms:local:1000:key`. */
  readonly call: string;
  readonly calls: number;
  readonly why: string;
}

/** The tightest policy that allows what was recorded. Sorted, so the same log gives the same text. */
export interface Suggestion {
  /** Records of the principal that were looked at. */
  readonly calls: number;
  /** RAM policy documents for a user or role; none fits more than RAM's limit, so there can be several. */
  readonly documents: readonly SuggestedDocument[];
  /** The contents of RbacPolicies for an access point, 64 resources each at most. */
  readonly grants: readonly SuggestedGrant[];
  readonly leftOut: readonly LeftOut[];
}

export interface SuggestedDocument {
  readonly Version: '1';
  readonly Statement: readonly SuggestedStatement[];
}

interface SuggestedStatement {
  readonly Effect: 'Allow';
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
}

export interface SuggestedGrant {
  readonly templates: readonly RbacTemplate['name'][];
  readonly resources: readonly string[];
}

/** A permission that a call needed. `implied`: an access point gives it with the rest of the call. */
interface Need {
  readonly action: string;
  readonly resource: string;
  readonly implied?: true;
}

const maxGrantResources = 64;
const maxStatementResources = 24;

const isKey = (resource: string): boolean => /^acs:kms:[^:]*:[^:]*:key\/./.test(resource);

const readSecret = withKeyUse('kms:GetSecretValue', 'kms:Decrypt');

/** Calls that need other permissions than that of their own name on everything they are about. */
const needsOf: ReadonlyMap<string, (resource: string, index: number, count: number) => Need[]> = new Map([
  ['kms:GetSecretValue', readSecret],
  ['kms:BatchGetSecretValue', readSecret],
  ['kms:WaitSecretChanges', readSecret],
  ['kms:PutSecretValue', withKeyUse('kms:PutSecretValue', 'kms:GenerateDataKey')],
  ['kms:CreateSecret', withKeyUse('kms:CreateSecret', 'kms:GenerateDataKey')],
  ['kms:GetManagedDataKey', withKeyUse('kms:GetManagedDataKey', 'kms:Decrypt')],
  ['kms:CreateManagedDataKey', withKeyUse('kms:CreateManagedDataKey', 'kms:GenerateDataKey')],
  ['kms:CreateManagedDataKeyVersion', withKeyUse('kms:CreateManagedDataKeyVersion', 'kms:GenerateDataKey')],
  ['kms:ReEncrypt', reEncrypt],
]);

/** The call's own permission on what it is about, and the use of the key that protects it. */
function withKeyUse(action: string, keyAction: string): (resource: string) => Need[] {
  return (resource) => [isKey(resource) ? { action: keyAction, resource, implied: true } : { action, resource }];
}

/** The log names each resource once: a single one is source and destination. */
function reEncrypt(resource: string, index: number, count: number): Need[] {
  const from = { action: 'kms:ReEncryptFrom', resource };
  const to = { action: 'kms:ReEncryptTo', resource };
  if (count === 1) return [from, to];
  return index === 0 ? [from] : [to];
}

/** Suggests for one principal. Calls that were denied, in Shadow mode too, count only with `includeDenied`. */
export function suggestPolicy(
  calls: Iterable<RecordedCall>,
  beneficiary: Beneficiary,
  { includeDenied = false }: { includeDenied?: boolean } = {},
): Suggestion {
  const wanted = new Map<string, Need>();
  const leftOut = new Map<string, LeftOut>();
  let count = 0;
  for (const call of calls) {
    if (call.decision === 'None' || !isBy(call, beneficiary)) continue;
    count += 1;
    for (const need of permissionsOf(call)) {
      const text = `${need.action} on ${need.resource}`;
      const why = call.decision === 'Deny' && !includeDenied ? deniedCall : refusal(need, beneficiary);
      if (why === undefined) wanted.set(text, need);
      else leftOut.set(text, { call: text, calls: (leftOut.get(text)?.calls ?? 0) + 1, why });
    }
  }
  const needs = [...wanted.values()].filter(({ implied }) => beneficiary.kind !== 'applicationaccesspoint' || !implied);
  return {
    calls: count,
    documents: beneficiary.kind === 'applicationaccesspoint' ? [] : documentsFor(needs),
    grants: beneficiary.kind === 'applicationaccesspoint' ? grantsFor(needs) : [],
    leftOut: [...leftOut.values()].filter(({ call }) => !wanted.has(call)).toSorted((a, b) => compare(a.call, b.call)),
  };
}

const deniedCall = 'It was denied. --include-denied takes it in.';

/** Whether the call was made by the principal. Whoever came through an access point is none of its role's sessions. */
function isBy({ principal, decidedBy = '' }: RecordedCall, { kind, name, roleName }: Beneficiary): boolean {
  const [, account, entity = ''] = /^acs:(?:ram|kms)::(\d+):(.+)$/.exec(principal) ?? [];
  if (account === undefined) return false;
  const isEntrant = /^(shadow:)?(RbacPolicy|AccessPoint)\//.test(decidedBy);
  if (kind === 'user') return entity === `user/${name}`;
  if (kind === 'role') return !isEntrant && entity.startsWith(`assumed-role/${name}/`);
  if (entity.startsWith(`applicationaccesspoint/${name}/clientkey/`)) return true;
  return isEntrant && entity.startsWith(`assumed-role/${roleName ?? name}/`);
}

function permissionsOf({ product, action, resources, permission }: RecordedCall): Need[] {
  if (permission !== undefined) return resources.map((resource) => ({ action: permission, resource }));
  const service = product === 'Ims' ? 'ram' : product.toLowerCase();
  const name = `${service}:${action}`;
  const needs = needsOf.get(name) ?? ((resource: string): Need[] => [{ action: name, resource }]);
  return resources.flatMap((resource, index) => needs(resource, index, resources.length));
}

/** Why the permission cannot be given; `undefined` when it can. */
function refusal({ action, resource, implied }: Need, { kind }: Beneficiary): string | undefined {
  if (resource !== '*' && /[*?]/.test(resource))
    return 'Its resource was named with a wildcard, which would allow more.';
  if (kind !== 'applicationaccesspoint' || implied) return undefined;
  const relativeId = relativeIdOf(resource);
  const template = templateOf(action);
  if (template === undefined) return 'No template of access points has this action.';
  if (!relativeId.startsWith(`${template.resourceKind}/`)) return 'The template is about another kind of resource.';
  try {
    parseRbacResource(relativeId);
    return undefined;
  } catch {
    return 'An RbacPolicy cannot list this resource.';
  }
}

function relativeIdOf(resource: string): string {
  return resource.split(':').slice(4).join(':');
}

function templateOf(action: string): RbacTemplate | undefined {
  return [...rbacTemplates.values()].find(({ actions }) => actions.has(action));
}

/** A template gives all its actions on its resources: that is as tight as access points can be. */
function grantsFor(needs: readonly Need[]): SuggestedGrant[] {
  const resources = distinct(needs.map(({ resource }) => relativeIdOf(resource)));
  return chunks(resources, maxGrantResources).map((some) => ({
    templates: distinct([...rbacTemplates.values()].filter(isAbout(some)).map(({ name }) => name)),
    resources: some,
  }));
}

function isAbout(resources: readonly string[]): (template: RbacTemplate) => boolean {
  return ({ resourceKind }) => resources.some((resource) => resource.startsWith(`${resourceKind}/`));
}

/** Statements with exactly the recorded pairs of action and resource, in as many documents as RAM's limit asks for. */
function documentsFor(needs: readonly Need[]): SuggestedDocument[] {
  const actionsOf = new Map<string, string[]>();
  for (const { action, resource } of needs) actionsOf.set(resource, [...(actionsOf.get(resource) ?? []), action]);
  const resourcesOf = new Map<string, string[]>();
  for (const [resource, actions] of actionsOf) {
    const key = distinct(actions).join(' ');
    resourcesOf.set(key, [...(resourcesOf.get(key) ?? []), resource]);
  }
  const statements = [...resourcesOf]
    .toSorted(([a], [b]) => compare(a, b))
    .flatMap(([actions, resources]) => chunks(distinct(resources), maxStatementResources).map(statement(actions)));
  const documents: SuggestedStatement[][] = [];
  for (const each of statements) {
    const last = documents.at(-1);
    if (last !== undefined && fits([...last, each])) last.push(each);
    else documents.push([each]);
  }
  return documents.map(toDocument);
}

const statement =
  (actions: string) =>
  (resources: readonly string[]): SuggestedStatement => ({
    Effect: 'Allow',
    Action: actions.split(' '),
    Resource: resources,
  });

function toDocument(statements: readonly SuggestedStatement[]): SuggestedDocument {
  return { Version: '1', Statement: statements };
}

function fits(statements: readonly SuggestedStatement[]): boolean {
  return Buffer.byteLength(JSON.stringify(toDocument(statements))) <= policyKinds.identity.maxBytes;
}

function chunks<T>(values: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(values.length / size) }, (_, index) =>
    values.slice(index * size, (index + 1) * size),
  );
}

function distinct<T extends string>(values: readonly T[]): T[] {
  return [...new Set(values)].toSorted(compare);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
