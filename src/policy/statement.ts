import { messageOf } from '../lib/errors.ts';
import { conditionKeys } from './condition-keys.ts';
import { compileCondition, conditionOperators, type CompiledCondition } from './condition.ts';
import { policyKinds, type PolicyKind, type PrincipalType } from './policy-kinds.ts';
import { parsePrincipalPattern, type PrincipalPattern } from './principal-pattern.ts';
import { pathTo, type JsonObject, type JsonValue } from './strict-json.ts';
import { PolicySyntaxError } from './syntax-error.ts';

/** A statement of a policy document, validated. */
export interface PolicyStatement {
  readonly sid?: string;
  readonly effect: 'Allow' | 'Deny';
  /** Patterns such as `kms:Describe*`. With `notAction`, the statement is about every other action. */
  readonly actions: readonly string[];
  readonly notAction: boolean;
  /** Patterns; empty in trust policies, which are about their role. */
  readonly resources: readonly string[];
  /** Empty where the kind of document has no Principal. */
  readonly principals: readonly PrincipalPattern[];
  /** All of them must hold. */
  readonly conditions: readonly CompiledCondition[];
}

const ELEMENTS: ReadonlySet<string> = new Set([
  'Sid',
  'Effect',
  'Action',
  'NotAction',
  'Resource',
  'Principal',
  'Condition',
]);

/** @throws PolicySyntaxError */
export function parseStatement(value: JsonValue, path: string, kind: PolicyKind): PolicyStatement {
  const statement = objectAt(value, path);
  for (const name of Object.keys(statement)) {
    if (!ELEMENTS.has(name)) throw new PolicySyntaxError(pathTo(path, name), 'there is no such element');
  }
  const { Sid: sid, Effect: effect } = statement;
  if (sid !== undefined && (typeof sid !== 'string' || sid.length > 128)) {
    throw new PolicySyntaxError(pathTo(path, 'Sid'), 'write a text of at most 128 characters');
  }
  if (effect !== 'Allow' && effect !== 'Deny') {
    throw new PolicySyntaxError(pathTo(path, 'Effect'), 'write "Allow" or "Deny"');
  }
  return {
    ...(sid === undefined ? {} : { sid }),
    effect,
    ...parseActions(statement, path),
    resources: parseResources(statement['Resource'], pathTo(path, 'Resource'), kind),
    principals: parsePrincipals(statement['Principal'], pathTo(path, 'Principal'), policyKinds[kind].principalTypes),
    conditions: parseConditions(statement['Condition'], pathTo(path, 'Condition'), kind),
  };
}

const ACTION = /^(?:\*|[A-Za-z][A-Za-z0-9-]{0,31}:[A-Za-z0-9*?]{1,128})$/;

function parseActions(statement: JsonObject, path: string): Pick<PolicyStatement, 'actions' | 'notAction'> {
  const notAction = statement['NotAction'] !== undefined;
  if (notAction === (statement['Action'] !== undefined)) {
    throw new PolicySyntaxError(path, 'give exactly one of Action and NotAction');
  }
  const name = notAction ? 'NotAction' : 'Action';
  const actions = textsAt(statement[name], pathTo(path, name));
  for (const { text, path: textPath } of actions) {
    if (!ACTION.test(text))
      throw new PolicySyntaxError(textPath, 'write <service>:<action>, such as "kms:Decrypt", or "*"');
  }
  return { actions: actions.map(({ text }) => text), notAction };
}

function parseResources(value: JsonValue | undefined, path: string, kind: PolicyKind): string[] {
  if (!policyKinds[kind].hasResource) {
    if (value !== undefined) throw new PolicySyntaxError(path, 'a trust policy has no Resource; it is about its role');
    return [];
  }
  const resources = textsAt(value, path);
  for (const { text, path: textPath } of resources) {
    const problem = kind === 'resource' ? ownResourceProblem(text) : resourceProblem(text);
    if (problem !== undefined) throw new PolicySyntaxError(textPath, problem);
  }
  return resources.map(({ text }) => text);
}

function ownResourceProblem(text: string): string | undefined {
  return text === '*' ? undefined : 'write "*", which means the key or secret that the policy belongs to';
}

/** A pattern that can match no canonical name would make a Deny that denies nothing; so it is refused. */
function resourceProblem(text: string): string | undefined {
  if (text === '*') return undefined;
  if (!/^acs:[\x21-\x7e]{1,1020}$/.test(text)) return 'write an ARN, such as "acs:kms:*:*:key/*", or "*"';
  if (text.includes('${')) return 'policy variables are not supported; write the value itself';
  const relativeId = /^acs:kms:[^:]*:[^:]*:(.*)$/.exec(text)?.[1];
  if (relativeId === undefined) return undefined;
  if (!/^[A-Za-z0-9_/+=.@*?-]+$/.test(relativeId)) return 'no name in KMS has such characters; % is not decoded';
  const canonical = !/\/\/|(?:^|\/)\.{1,2}(?:\/|$)|^\/|\/$/.test(relativeId);
  return canonical ? undefined : 'empty, "." and ".." segments match nothing';
}

function parsePrincipals(
  value: JsonValue | undefined,
  path: string,
  types: readonly PrincipalType[],
): readonly PrincipalPattern[] {
  if (types.length === 0) {
    if (value !== undefined) throw new PolicySyntaxError(path, 'this kind of policy has no Principal');
    return [];
  }
  const groups = Object.entries(objectAt(value, path));
  if (groups.length === 0) throw new PolicySyntaxError(path, `give ${types.join(' or ')}`);
  return groups.flatMap(([type, names]) => {
    const groupPath = pathTo(path, type);
    const known = types.find((candidate) => candidate === type);
    if (known === undefined) throw new PolicySyntaxError(groupPath, `use ${types.join(' or ')}`);
    return textsAt(names, groupPath).map(({ text, path: textPath }) => parsePrincipalPattern(known, text, textPath));
  });
}

function parseConditions(value: JsonValue | undefined, path: string, kind: PolicyKind): CompiledCondition[] {
  if (value === undefined) return [];
  return Object.entries(objectAt(value, path)).flatMap(([operator, keys]) => {
    const operatorPath = pathTo(path, operator);
    if (!conditionOperators.has(operator)) {
      throw new PolicySyntaxError(operatorPath, `use one of ${[...conditionOperators.keys()].join(', ')}`);
    }
    const tests = Object.entries(objectAt(keys, operatorPath));
    if (tests.length === 0) throw new PolicySyntaxError(operatorPath, 'give at least one condition key');
    return tests.map(([key, values]) => parseCondition(operator, key, values, operatorPath, kind));
  });
}

function parseCondition(
  operator: string,
  key: string,
  value: JsonValue,
  operatorPath: string,
  kind: PolicyKind,
): CompiledCondition {
  const path = pathTo(operatorPath, key);
  const known = conditionKeys.find(key);
  // A Deny on a key that is never known would deny nothing.
  if (known === undefined)
    throw new PolicySyntaxError(path, 'Kaap does not know this condition key (names are case-sensitive)');
  if (known.trustOnly && kind !== 'trust') throw new PolicySyntaxError(path, 'this key is for trust policies only');
  const values = textsAt(value, path).map(({ text }) => text);
  if (values.some((text) => text.includes('${'))) {
    throw new PolicySyntaxError(path, 'policy variables are not supported; write the value itself');
  }
  try {
    return compileCondition({ operator, key, values });
  } catch (error) {
    throw new PolicySyntaxError(path, messageOf(error).replace(/\.$/, ''));
  }
}

function objectAt(value: JsonValue | undefined, path: string): JsonObject {
  if (value === undefined) throw new PolicySyntaxError(path, 'the element is missing');
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as JsonObject;
  throw new PolicySyntaxError(path, 'write a JSON object');
}

/** One text, or a list of at least one. */
function textsAt(value: JsonValue | undefined, path: string): { text: string; path: string }[] {
  if (value === undefined) throw new PolicySyntaxError(path, 'the element is missing');
  if (typeof value === 'string') return [{ text: value, path }];
  if (!Array.isArray(value) || value.length === 0) {
    throw new PolicySyntaxError(path, 'write a text in quotes, or a list of at least one');
  }
  return value.map((item: JsonValue, index) => {
    const itemPath = pathTo(path, index);
    if (typeof item !== 'string') throw new PolicySyntaxError(itemPath, 'write a text in quotes');
    return { text: item, path: itemPath };
  });
}
