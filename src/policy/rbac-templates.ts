import { ApiError } from '../lib/errors.ts';
import { isCanonicalRelativeId } from './arn.ts';
import { compileNetworkRule, networkRuleMatches, type CompiledNetworkRule, type NetworkRule } from './network-rule.ts';
import type { AccessContext, AccessRequest } from './decision.ts';

/** A permission template of access points. */
export interface RbacTemplate {
  /** The name in Kaap's custom resources, such as `SecretUser`. */
  readonly name: 'SecretUser' | 'CryptoServiceKeyUser';
  /** Which resources it is about. */
  readonly resourceKind: 'key' | 'secret';
  readonly actions: ReadonlySet<string>;
}

const secretUser: RbacTemplate = {
  name: 'SecretUser',
  resourceKind: 'secret',
  actions: new Set(['kms:GetSecretValue']),
};

/** The business calls of a dedicated instance (KMS instance gateway), which are those that use a key and change nothing. */
const cryptoServiceKeyUser: RbacTemplate = {
  name: 'CryptoServiceKeyUser',
  resourceKind: 'key',
  actions: new Set([
    'kms:Encrypt',
    'kms:Decrypt',
    'kms:GenerateDataKey',
    'kms:GenerateDataKeyWithoutPlaintext',
    'kms:GenerateAndExportDataKey',
    'kms:ExportDataKey',
    'kms:GenerateDataKeyPair',
    'kms:GenerateDataKeyPairWithoutPlaintext',
    'kms:AsymmetricEncrypt',
    'kms:AsymmetricDecrypt',
    'kms:AsymmetricSign',
    'kms:AsymmetricVerify',
    'kms:GenerateMac',
    'kms:VerifyMac',
    'kms:GetPublicKey',
  ]),
};

/** Spelling → template: the long form of CreatePolicy, and the short forms of the console and the custom resources. */
export const rbacTemplates: ReadonlyMap<string, RbacTemplate> = new Map([
  ['RbacPermission/Template/CryptoServiceSecretUser', secretUser],
  ['CryptoServiceSecretUser', secretUser],
  ['SecretUser', secretUser],
  ['RbacPermission/Template/CryptoServiceKeyUser', cryptoServiceKeyUser],
  ['CryptoServiceKeyUser', cryptoServiceKeyUser],
]);

/** A permission policy of access points, as CreatePolicy takes it and with its network rules looked up. */
export interface RbacPolicyInput {
  readonly name: string;
  /** `shared` or the id of a KMS instance. */
  readonly scope: string;
  /** Spellings of {@link rbacTemplates}. */
  readonly permissions: readonly string[];
  /** `key/<id>` and `secret/<name>`; `*` may stand at the end. */
  readonly resources: readonly string[];
  /** Absent: from any network. Present: from one of these, so an empty list admits nobody. */
  readonly networkRules?: readonly NetworkRule[];
  /** See {@link ExpandedRbacPolicy.mode}. `Enforce` unless given. */
  readonly mode?: ExpandedRbacPolicy['mode'];
}

/** What an RBAC resource such as `secret/shop/*` stands for. */
export interface RbacResource {
  readonly kind: 'key' | 'secret';
  /** Relative id, such as `secret/shop/db`; the part before `*` when `wildcard`. */
  readonly relativeId: string;
  readonly wildcard: boolean;
}

/** A permission policy ready to be asked. */
export interface ExpandedRbacPolicy {
  readonly name: string;
  readonly scope: string;
  readonly templates: readonly RbacTemplate[];
  readonly resources: readonly RbacResource[];
  readonly networkRules?: readonly CompiledNetworkRule[];
  /** `Shadow`: calls that only its resources or network rules keep out go on, and are recorded. */
  readonly mode: 'Enforce' | 'Shadow';
}

/** @throws ApiError `InvalidParameter`, naming the permission, resource or network rule that is wrong. */
export function expandRbacPolicy(input: RbacPolicyInput): ExpandedRbacPolicy {
  const templates = input.permissions.map((permission) => {
    const template = rbacTemplates.get(permission);
    if (template !== undefined) return template;
    const known = [...rbacTemplates.keys()].join(', ');
    throw new ApiError(
      'InvalidParameter',
      `Policy ${input.name}: there is no permission ${quote(permission)}. Use ${known}.`,
    );
  });
  const policy = {
    name: input.name,
    scope: input.scope,
    templates: [...new Set(templates)],
    resources: input.resources.map((text) => parseRbacResource(text)),
    mode: input.mode ?? 'Enforce',
  };
  if (input.networkRules === undefined) return policy;
  return { ...policy, networkRules: input.networkRules.map((rule) => compileNetworkRule(rule)) };
}

/**
 * Parses `key/<id>` or `secret/<name>`, where `*` may stand at the very end and nowhere else (Application access points →
 * Accessible resources).
 *
 * @throws ApiError `InvalidParameter`.
 */
export function parseRbacResource(text: string): RbacResource {
  const wildcard = text.endsWith('*');
  const relativeId = wildcard ? text.slice(0, -1) : text;
  const kind = /^(key|secret)\//.exec(relativeId)?.[1];
  // With a wildcard the id may stop after any character, also after its slash; what it stops before must be plain.
  const whole = wildcard && relativeId.endsWith('/') ? `${relativeId}x` : relativeId;
  if (kind === undefined || !isCanonicalRelativeId(whole) || isReserved(whole)) {
    throw new ApiError(
      'InvalidParameter',
      `${quote(text)} is not a resource of a permission policy. Write key/<id> or secret/<name>; * may stand at the end only, and empty, "." or ".." segments and ${RESERVED_PREFIX} are refused.`,
    );
  }
  return { kind: kind as RbacResource['kind'], relativeId, wildcard };
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/** Secrets that Kaap keeps for itself: the passwords of client key files. */
const RESERVED_PREFIX = 'secret/kaap/client-key/';

/** Whether the relative id names a secret of Kaap's own, which no permission policy covers, not even `secret/*`. */
export function isReserved(relativeId: string): boolean {
  return relativeId.startsWith(RESERVED_PREFIX);
}

/** Whether the resource covers the relative id, such as `secret/shop/db`. */
export function rbacResourceMatches(resource: RbacResource, relativeId: string): boolean {
  return resource.wildcard ? relativeId.startsWith(resource.relativeId) : relativeId === resource.relativeId;
}

/** `undefined` when the policy allows the request, else a clause that says which part of it does not. */
export function rbacMismatch(
  policy: ExpandedRbacPolicy,
  request: AccessRequest,
  relativeId: string,
  context: AccessContext,
): string | undefined {
  const templates = policy.templates.filter((template) => template.actions.has(request.action));
  if (templates.length === 0) return 'none of its templates has this action';
  if (request.scope !== policy.scope) return `it is for the scope ${policy.scope}, not ${request.scope}`;
  const covers = (resource: RbacResource): boolean =>
    templates.some((template) => template.resourceKind === resource.kind) && rbacResourceMatches(resource, relativeId);
  if (isReserved(relativeId) || !policy.resources.some(covers)) return 'it does not list this resource';
  const rules = policy.networkRules;
  if (rules !== undefined && !rules.some((rule) => networkRuleMatches(rule, context))) {
    return `none of its network rules admits ${context.sourceIp}`;
  }
  return undefined;
}

/** Whether the policy is in mode Shadow, and about calls such as this: its templates have the action, and the scope is its own. */
export function isOnTrial({ mode, scope, templates }: ExpandedRbacPolicy, request: AccessRequest): boolean {
  return mode === 'Shadow' && request.scope === scope && templates.some(({ actions }) => actions.has(request.action));
}

/** Whether some template has the action at all. */
export function isTemplateAction(action: string): boolean {
  return secretUser.actions.has(action) || cryptoServiceKeyUser.actions.has(action);
}

/** Name of the secret that holds the password of a client key file, for the access point's pods to read. */
export function clientKeyPasswordSecret(accessPoint: string, clientKeyId: string): string {
  return `kaap/client-key/${accessPoint}/${clientKeyId}`;
}

/** Whether the request reads the password of one of the access point's own client key files: all that its pods' tokens may do. */
export function isClientKeyUnlock(accessPoint: string, action: string, relativeId: string): boolean {
  const prefix = `secret/${clientKeyPasswordSecret(accessPoint, '')}`;
  return action === 'kms:GetSecretValue' && relativeId.length > prefix.length && relativeId.startsWith(prefix);
}
