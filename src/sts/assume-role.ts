import { z } from 'zod';
import { ApiError } from '../lib/errors.ts';
import { accessDeniedDetail } from '../policy/explain.ts';
import { evaluateTrust } from '../policy/trust.ts';
import type { Principal } from '../policy/principal.ts';
import { defineAction, type AnyAction, type RequestContext } from '../ports/action.ts';
import type { RoleEntry } from '../ports/role-directory.ts';
import { issueSession } from './issue-session.ts';
import { checkDuration, parseSessionRequest, sessionParameters, type SessionInput } from './session-request.ts';
import type { StsDependencies } from './sts-dependencies.ts';

interface AssumeRoleInput extends SessionInput {
  ExternalId?: string | undefined;
}

const inputSchema: z.ZodType<AssumeRoleInput> = z.object({
  ...sessionParameters,
  ExternalId: z.string().max(1224).optional(),
});

/** Longest session that one session may start, in seconds (STS AssumeRole: role chaining). */
const MAX_CHAINED_SECONDS = 3600;

/**
 * STS AssumeRole: needs `sts:AssumeRole` on the role by the caller's own policies, and the role's trust policy.
 */
export function assumeRole(dependencies: StsDependencies): AnyAction {
  return defineAction({
    name: 'AssumeRole',
    product: 'Sts',
    input: inputSchema,
    plan: (input, context) => {
      const request = parseSessionRequest(input, dependencies.accountId);
      return {
        access: [{ action: 'sts:AssumeRole', resource: input.RoleArn, scope: 'shared' }],
        run: async () => {
          const role = await dependencies.roles.findRole(request.roleName);
          if (role === undefined) throw new ApiError('EntityNotExist.Role', 'The role does not exist.');
          checkTrust(role, input.ExternalId, context);
          const chained = context.principal.kind === 'RoleSession';
          checkDuration(
            request,
            chained ? Math.min(MAX_CHAINED_SECONDS, role.maxSessionSeconds) : role.maxSessionSeconds,
          );
          return issueSession(dependencies, request, { roleId: role.roleId });
        },
      };
    },
  });
}

/** An access point's clients have what the access point gives; the account itself assumes no roles (STS AssumeRole). */
function mayAssume(principal: Principal): boolean {
  if (principal.kind === 'RoleSession') return principal.accessPoint === undefined;
  return principal.kind === 'RamUser';
}

function checkTrust(role: RoleEntry, externalId: string | undefined, context: RequestContext): void {
  const { principal } = context;
  if (!mayAssume(principal)) {
    throw new ApiError('NoPermission', 'Roles are assumed by RAM users and by sessions of other roles only.');
  }
  const claims = externalId === undefined ? {} : { 'sts:ExternalId': externalId };
  const decision = evaluateTrust(role.name, role.trustPolicy, { principal, claims }, context);
  if (decision.effect === 'Allow') return;
  throw new ApiError('NoPermission', "The role's trust policy does not let you assume it.", {
    detail: accessDeniedDetail(decision, principal),
  });
}
