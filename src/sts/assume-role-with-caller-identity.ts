import { z } from 'zod';
import type { Clock } from '../lib/clock.ts';
import { ApiError } from '../lib/errors.ts';
import { callerIdentityNonce } from '../lib/caller-identity.ts';
import type { AccessPointEntry } from '../ports/access-point-directory.ts';
import { defineAction, type AnyAction, type RequestContext } from '../ports/action.ts';
import type {
  CallerIdentity,
  CallerIdentityProof,
  CallerIdentityVerifier,
  ClaimNonce,
} from '../ports/caller-identity.ts';
import { MAX_ACCESS_POINT_SECONDS } from './entrance.ts';
import { issueSession } from './issue-session.ts';
import {
  checkDuration,
  parseSessionRequest,
  sessionParameters,
  type SessionInput,
  type SessionRequest,
} from './session-request.ts';
import type { CallerIdentityEntrance, StsDependencies } from './sts-dependencies.ts';

interface CallerIdentityInput extends SessionInput {
  CallerAccessKeyId: string;
  CallerSecurityToken: string;
  CallerDate: string;
  CallerSalt: string;
  CallerSignature: string;
}

/** Each field has one alphabet: none of them can end a header or begin another. */
const inputSchema: z.ZodType<CallerIdentityInput> = z.object({
  ...sessionParameters,
  CallerAccessKeyId: z.string().regex(/^STS\.[A-Za-z0-9]{1,124}$/),
  CallerSecurityToken: z.string().regex(/^[A-Za-z0-9+/=_.-]{1,8192}$/),
  CallerDate: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
  CallerSalt: z.string().regex(/^[0-9a-f]{32,64}$/),
  CallerSignature: z.string().regex(/^[0-9a-f]{64}$/),
});

/** How far the date of a proof may be from now, in milliseconds. The STS itself allows a quarter of an hour. */
const MAX_AGE_MS = 300_000;

/**
 * Kaap's own action of STS: a session of a role in another cloud account, for a session of Kaap. The call is not signed; the
 * proof is a GetCallerIdentity request that the caller signed for this installation and this role, and that only the STS of the
 * configuration is asked about. The access point that names the answered role says what the session may do.
 */
export function assumeRoleWithCallerIdentity(dependencies: StsDependencies): AnyAction {
  return defineAction({
    name: 'AssumeRoleWithCallerIdentity',
    product: 'Sts',
    input: inputSchema,
    anonymous: true,
    plan: (input, context) => {
      const request = parseSessionRequest(input, dependencies.accountId);
      checkDuration(request, MAX_ACCESS_POINT_SECONDS);
      const { callerIdentity } = dependencies;
      if (callerIdentity === undefined) {
        throw new ApiError(
          'UnsupportedOperation',
          'No STS is configured that proves callers of another account. Set KAAP_CALLER_IDENTITY_STS_URL.',
        );
      }
      const proof = proofOf(input, callerIdentity.verifier, dependencies.clock);
      return { access: [], run: () => enter(dependencies, request, proof, callerIdentity, context) };
    },
  });
}

function proofOf(input: CallerIdentityInput, { audience }: CallerIdentityVerifier, clock: Clock): CallerIdentityProof {
  const { CallerDate: date, RoleArn: roleArn } = input;
  const age = Math.abs(clock.now() - Date.parse(date));
  // A date that does not exist is not young.
  if (!(age <= MAX_AGE_MS)) {
    throw new ApiError(
      'AuthenticationFail.CallerIdentity.Expired',
      'The signed GetCallerIdentity request is more than 5 minutes from the server time. Set the clock, and sign a new one.',
    );
  }
  return {
    accessKeyId: input.CallerAccessKeyId,
    securityToken: input.CallerSecurityToken,
    date,
    nonce: callerIdentityNonce({ audience, roleArn }, input.CallerSalt),
    signature: input.CallerSignature,
  };
}

/** Asks before it looks: from outside, a role that nobody may enter is like one that does not exist. */
async function enter(
  dependencies: StsDependencies,
  request: SessionRequest,
  proof: CallerIdentityProof,
  { verifier, claimNonce }: CallerIdentityEntrance,
  { signal }: RequestContext,
): Promise<Record<string, unknown>> {
  const identity = await verifier.identify(proof, signal);
  // Counted once it is known to be genuine, so that nobody uses up another's.
  await claimOnce(claimNonce, proof);
  const [accessPoint, another] = (await dependencies.accessPoints.findByRoleName(request.roleName)).filter((entry) =>
    trustsCaller(entry, identity),
  );
  // Two access points do not say which of them is meant.
  if (accessPoint === undefined || another !== undefined) {
    throw new ApiError(
      'AuthenticationFail.NoPermission',
      'Your role does not let you assume this one. Check the role in RoleArn, and that its access point lists yours.',
    );
  }
  return issueSession(dependencies, request, { accessPoint: accessPoint.name, callerIdentity: identity.arn });
}

/** The account and the name of the role, exactly. */
function trustsCaller({ alibabaCloudRoles = [] }: AccessPointEntry, { accountId, roleName }: CallerIdentity): boolean {
  return alibabaCloudRoles.includes(`acs:ram::${accountId}:role/${roleName}`);
}

async function claimOnce(claimNonce: ClaimNonce, { accessKeyId, nonce }: CallerIdentityProof): Promise<void> {
  const claim = await claimNonce(`caller-identity:${accessKeyId}`, nonce);
  if (claim === 'used') {
    throw new ApiError('SignatureNonceUsed', 'This signed GetCallerIdentity request was used before. Sign a new one.');
  }
  if (claim === 'full') {
    throw new ApiError('Rejected.Throttling', 'Too many requests in the last half hour. Try again later.');
  }
}
