import { z } from 'zod';
import { ApiError, isApiError } from '../../lib/errors.ts';
import { parseAddress } from '../../policy/cidr.ts';
import type { AccessContext, Decision } from '../../policy/decision.ts';
import { evaluate } from '../../policy/evaluate.ts';
import { decidedBy } from '../../policy/explain.ts';
import { parseInstant } from '../../policy/instant.ts';
import { principalArn, type Principal } from '../../policy/principal.ts';
import type { AnyAction, RequestContext } from '../../ports/action.ts';
import { optional, text } from '../parameters.ts';
import type { RamDependencies } from '../ram-dependencies.ts';
import { allRoles } from '../roles.ts';
import { findPrincipal } from '../simulated-principal.ts';
import { allUsers } from '../users.ts';
import { ramAction } from './ram-action.ts';

interface Question {
  PolicyAction: string;
  Resource: string;
  SourceIp?: string | undefined;
  Time?: string | undefined;
}

/** `Action` is the name of the call itself, so the action that is asked about is `PolicyAction`. */
const question = {
  PolicyAction: z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,31}:[A-Za-z0-9]{1,128}$/, 'It must be like kms:Decrypt.'),
  Resource: text(2048),
  SourceIp: optional(text(64)),
  Time: optional(text(64)),
};

/** What conditions ask for: as given, else as the question itself came. @throws ApiError `InvalidParameter`. */
function contextOf({ SourceIp, Time }: Question, request: RequestContext): AccessContext {
  const address = SourceIp === undefined ? undefined : parseAddress(SourceIp);
  if (SourceIp !== undefined && address === undefined) {
    throw new ApiError('InvalidParameter', 'SourceIp must be an address such as 10.0.0.1.');
  }
  const time = Time === undefined ? request.time : parseInstant(Time);
  if (time === undefined) {
    throw new ApiError('InvalidParameter', 'Time must be with a zone, such as 2026-01-31T12:00:00Z.');
  }
  return { time, sourceIp: address?.toString() ?? request.sourceIp, secureTransport: true };
}

async function decide(
  { policySource, facts }: RamDependencies,
  principal: Principal,
  input: Question,
  context: AccessContext,
): Promise<Decision> {
  const requests = await facts.requestsFor(input.PolicyAction, input.Resource);
  return evaluate(principal, requests, context, await policySource(principal));
}

function simulatePolicy(dependencies: RamDependencies): AnyAction {
  return ramAction(dependencies, {
    name: 'SimulatePolicy',
    input: z.object({ Principal: text(2048), ...question }),
    resources: () => ['policy'],
    run: async (input, _caller, request) => {
      const context = contextOf(input, request);
      const principal = await findPrincipal(dependencies, input.Principal);
      const decision = await decide(dependencies, principal, input, context);
      return { Principal: principalArn(principal), Decision: decisionFields(decision) };
    },
  });
}

function decisionFields({ effect, basis, shadowed, denied, reasons }: Decision): Record<string, unknown> {
  return {
    Effect: effect,
    Basis: basis,
    Shadowed: shadowed === true,
    ...(denied === undefined ? {} : { DeniedAction: denied.action, DeniedResource: denied.resource }),
    Reasons: {
      Reason: reasons.map((reason) => ({
        Policy: reason.policy,
        ...(reason.statement === undefined ? {} : { Statement: reason.statement }),
        Effect: reason.effect,
        Request: reason.request,
        Message: reason.message,
      })),
    },
  };
}

/** Everybody who could call: the account, its users and roles, and those who enter the access points. */
async function everybody(dependencies: RamDependencies): Promise<string[]> {
  const { store, facts } = dependencies;
  const accessPoints = (await facts.accessPoints()).filter(
    ({ method, roleName }) => method === 'ClientKey' || roleName !== undefined,
  );
  return [
    'root',
    ...(await allUsers(store)).map(({ name }) => `user/${name}`),
    ...(await allRoles(store)).map(({ name }) => `role/${name}`),
    ...accessPoints.map(({ name }) => `applicationaccesspoint/${name}`),
  ];
}

/** Somebody who was deleted since he was listed may do nothing. */
function unlessGone(error: unknown): undefined {
  if (!isApiError(error)) throw error;
}

function listAllowedPrincipals(dependencies: RamDependencies): AnyAction {
  return ramAction(dependencies, {
    name: 'ListAllowedPrincipals',
    input: z.object(question),
    resources: () => ['policy'],
    run: async (input, _caller, request) => {
      const context = contextOf(input, request);
      const allowed: Record<string, string>[] = [];
      for (const name of await everybody(dependencies)) {
        const principal = await findPrincipal(dependencies, name).catch(unlessGone);
        if (principal === undefined) continue;
        const decision = await decide(dependencies, principal, input, context);
        const [reason] = decision.reasons;
        if (decision.effect === 'Deny' && decision.shadowed !== true) continue;
        const rule = reason === undefined ? '' : decidedBy(reason);
        allowed.push({ Principal: name, DecidedBy: decision.shadowed === true ? `shadow:${rule}` : rule });
      }
      return { Principals: { Principal: allowed } };
    },
  });
}

/**
 * Kaap's own actions SimulatePolicy (what would be decided about a call, and why) and ListAllowedPrincipals (who may make
 * it). They ask the function that enforcement asks, change nothing, and need permission for RAM's policies.
 */
export function simulationActions(dependencies: RamDependencies): readonly AnyAction[] {
  return [simulatePolicy(dependencies), listAllowedPrincipals(dependencies)];
}
