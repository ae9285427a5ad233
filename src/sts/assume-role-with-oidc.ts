import { z } from 'zod';
import { ApiError } from '../lib/errors.ts';
import { oidcProviderNameOf } from '../policy/arn.ts';
import { evaluateTrust, trustedAudiences } from '../policy/trust.ts';
import { accessPointAudience } from '../ports/access-point-directory.ts';
import { defineAction, type AnyAction, type RequestContext } from '../ports/action.ts';
import type { TokenVerifier, VerifiedToken } from '../ports/identity.ts';
import type { RoleEntry } from '../ports/role-directory.ts';
import { listsServiceAccount, MAX_ACCESS_POINT_SECONDS, podOf, type Entrance } from './entrance.ts';
import { issueSession, stsTime } from './issue-session.ts';
import { claimedAudiences } from './oidc/claimed-audiences.ts';
import { findServiceRole } from './service-role.ts';
import {
  checkDuration,
  parseSessionRequest,
  sessionParameters,
  type SessionInput,
  type SessionRequest,
} from './session-request.ts';
import type { StsDependencies } from './sts-dependencies.ts';

interface AssumeRoleWithOidcInput extends SessionInput {
  OIDCProviderArn: string;
  OIDCToken: string;
}

const inputSchema: z.ZodType<AssumeRoleWithOidcInput> = z.object({
  OIDCProviderArn: z.string(),
  OIDCToken: z.string(),
  ...sessionParameters,
});

/**
 * STS AssumeRoleWithOIDC: a projected service-account token for a session. The call is not signed; the token is the proof.
 *
 * The role is one of an access point, when the token has the audience of an access point with that role name; or one that a
 * service assumes for whoever runs on it; else a role of RAM, whose trust policy decides. Whatever does not fit gives one error, so that the outside cannot list roles.
 */
export function assumeRoleWithOidc(dependencies: StsDependencies): AnyAction {
  return defineAction({
    name: 'AssumeRoleWithOIDC',
    product: 'Sts',
    input: inputSchema,
    anonymous: true,
    plan: async (input, context) => {
      const request = parseSessionRequest(input, dependencies.accountId);
      const verifier = await findVerifier(dependencies, input.OIDCProviderArn);
      return { access: [], run: () => enter(dependencies, input, request, verifier, context) };
    },
  });
}

async function findVerifier(
  { verifiers, findVerifier: findRegistered, accountId }: StsDependencies,
  providerArn: string,
): Promise<TokenVerifier> {
  const name = oidcProviderNameOf(providerArn, accountId);
  if (name === undefined) {
    throw new ApiError(
      'InvalidParameter.OIDCProviderArn',
      `OIDCProviderArn must be acs:ram::${accountId}:oidc-provider/<name>.`,
    );
  }
  const verifier = verifiers.get(name) ?? (await findRegistered?.(name));
  if (verifier === undefined) throw new ApiError('EntityNotExist.OIDCProvider', 'The OIDC provider does not exist.');
  return verifier;
}

async function enter(
  dependencies: StsDependencies,
  input: AssumeRoleWithOidcInput,
  request: SessionRequest,
  verifier: TokenVerifier,
  context: RequestContext,
): Promise<Record<string, unknown>> {
  const claimed = claimedAudiences(input.OIDCToken);
  const entrance =
    (await findAccessPoint(dependencies, request, claimed)) ??
    (await findServiceRole(dependencies, request, claimed, context)) ??
    (await findRole(dependencies, request, claimed, input, context));
  if (entrance === undefined) throw notAdmitted();
  const token = await verifier.verify(input.OIDCToken, entrance.audience, context.signal);
  if (!token.audiences.includes(entrance.audience) || !(await entrance.admits(token))) throw notAdmitted();
  checkDuration(request, entrance.maxSeconds);
  return {
    ...issueSession(dependencies, request, entrance.grounds(token)),
    OIDCTokenInfo: {
      ClientIds: token.audiences.join(','),
      ExpirationTime: stsTime(token.expiresAt),
      IssuanceTime: stsTime(token.issuedAt),
      Issuer: token.issuer,
      Subject: token.subject,
      VerificationInfo: 'Success',
    },
  };
}

function notAdmitted(): ApiError {
  return new ApiError(
    'AuthenticationFail.NoPermission',
    'This token does not let you assume the role. Check the audience of the token, its service account, and the role.',
  );
}

async function findAccessPoint(
  { accessPoints }: StsDependencies,
  { roleName }: SessionRequest,
  claimed: ReadonlySet<string>,
): Promise<Entrance | undefined> {
  const all = await accessPoints.findByRoleName(roleName);
  const [accessPoint, another] = all.filter(
    ({ name, service }) => service === undefined && claimed.has(accessPointAudience(name)),
  );
  // A token for two access points of one role does not say which of them is meant.
  if (accessPoint === undefined || another !== undefined) return undefined;
  return {
    audience: accessPointAudience(accessPoint.name),
    maxSeconds: MAX_ACCESS_POINT_SECONDS,
    admits: async ({ serviceAccount }) =>
      serviceAccount !== undefined &&
      listsServiceAccount(accessPoint.serviceAccounts, serviceAccount) &&
      accessPoints.admits(accessPoint, serviceAccount),
    grounds: (token) => ({ accessPoint: accessPoint.name, ...podOf(token) }),
  };
}

async function findRole(
  { roles }: StsDependencies,
  { roleName }: SessionRequest,
  claimed: ReadonlySet<string>,
  input: AssumeRoleWithOidcInput,
  context: RequestContext,
): Promise<Entrance | undefined> {
  const role = await roles.findRole(roleName);
  const audience = role && trustedAudiences(role.trustPolicy).find((trusted) => claimed.has(trusted));
  if (role === undefined || audience === undefined) return undefined;
  return {
    audience,
    maxSeconds: role.maxSessionSeconds,
    admits: (token) => isTrusted(role, token, audience, input.OIDCProviderArn, context),
    grounds: (token) => ({ roleId: role.roleId, ...podOf(token) }),
  };
}

function isTrusted(
  role: RoleEntry,
  token: VerifiedToken,
  audience: string,
  providerArn: string,
  context: RequestContext,
): boolean {
  const claims = { 'oidc:iss': token.issuer, 'oidc:aud': audience, 'oidc:sub': token.subject };
  const subject = { principal: { kind: 'Anonymous' }, federated: providerArn, claims } as const;
  return evaluateTrust(role.name, role.trustPolicy, subject, context).effect === 'Allow';
}
