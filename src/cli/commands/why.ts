import type { Command } from 'commander';
import { z } from 'zod';
import type { KmsClient } from '../../client/kms-client.ts';
import { adviseChange } from '../../policy/advice.ts';
import type { Decision, Reason } from '../../policy/decision.ts';
import { explainDecision } from '../../policy/explain.ts';
import { withClient } from '../connection.ts';
import { standardOutput, table, type Output } from '../output.ts';

/** Facts that conditions ask for; the server takes its own clock and the caller's address unless given. */
export interface QuestionOptions {
  from?: string;
  at?: string;
}

/** Looks a pod up in the cluster and says as which principal the KMS sees it. */
export type PodLookup = (pod: { namespace: string; name: string }, signal: AbortSignal) => Promise<string>;

const RESOURCE = 'an ARN, the part of it after the account such as secret/shop/db, or *';

/** `kaap why` and `kaap who-can`: what the server would decide, and what decides it. Needs permission for RAM's policies. */
export function registerWhy(program: Command, principalOfPod: PodLookup): void {
  program
    .command('why')
    .description('say whether somebody may make a call, what decides it, and what would have to change')
    .argument(
      '<principal>',
      'root, user/NAME, role/NAME, applicationaccesspoint/NAME, serviceaccount/NAMESPACE/NAME, the ARN of one, or pod/NAMESPACE/NAME by kubeconfig',
    )
    .argument('<action>', 'such as kms:GetSecretValue')
    .argument('<resource>', RESOURCE)
    .option('--from <ip>', 'source address of the call')
    .option('--at <time>', 'time of the call with its zone, such as 2026-01-31T12:00:00Z')
    .action(async (principal: string, action: string, resource: string, options: QuestionOptions) => {
      const [, namespace, name] = /^pod\/([^/]+)\/([^/]+)$/.exec(principal) ?? [];
      const isPod = namespace !== undefined && name !== undefined;
      const whom = isPod ? await principalOfPod({ namespace, name }, AbortSignal.timeout(30_000)) : principal;
      await withClient((client) => why(client, standardOutput, whom, { action, resource, ...options }));
    });
  program
    .command('who-can')
    .description('list everybody who may make a call, with what allows it')
    .argument('<action>', 'such as kms:GetSecretValue')
    .argument('<resource>', RESOURCE)
    .option('--from <ip>', 'source address of the call')
    .option('--at <time>', 'time of the call with its zone, such as 2026-01-31T12:00:00Z')
    .action(async (action: string, resource: string, options: QuestionOptions) => {
      await withClient((client) => whoCan(client, standardOutput, { action, resource, ...options }));
    });
}

interface Question extends QuestionOptions {
  action: string;
  resource: string;
}

function parametersOf({ action, resource, from, at }: Question): Record<string, unknown> {
  return { PolicyAction: action, Resource: resource, SourceIp: from, Time: at };
}

const reasonSchema = z.object({
  Policy: z.string(),
  Statement: z.number().exactOptional(),
  Effect: z.enum(['Allow', 'Deny', 'NoMatch']),
  Request: z.string(),
  Message: z.string(),
});

const answerSchema = z.object({
  Principal: z.string(),
  Decision: z.object({
    Effect: z.enum(['Allow', 'Deny']),
    Basis: z.enum(['Allow', 'ExplicitDeny', 'ImplicitDeny']),
    Shadowed: z.boolean(),
    DeniedAction: z.string().optional(),
    DeniedResource: z.string().optional(),
    Reasons: z.object({ Reason: z.array(reasonSchema) }),
  }),
});

/** Prints the decision about one principal's call: headline, reasons, and the change that would turn a denial round. */
export async function why(client: KmsClient, output: Output, principal: string, question: Question): Promise<void> {
  const parameters = { Principal: principal, ...parametersOf(question) };
  const answer = answerSchema.parse(await client.call('Ram', 'SimulatePolicy', parameters));
  const decision = toDecision(answer.Decision);
  output.line(answer.Principal);
  for (const line of explainDecision(decision)) output.line(line);
  const advice = adviseChange(decision);
  if (advice.length > 0) output.line('To allow it:');
  for (const line of advice) output.line(`  ${line}`);
}

function toDecision(fields: z.infer<typeof answerSchema>['Decision']): Decision {
  const { DeniedAction: action, DeniedResource: resource } = fields;
  return {
    effect: fields.Effect,
    basis: fields.Basis,
    reasons: fields.Reasons.Reason.map(toReason),
    ...(action === undefined || resource === undefined ? {} : { denied: { action, resource, scope: '' } }),
    ...(fields.Shadowed ? { shadowed: true } : {}),
  };
}

function toReason({ Policy, Statement, Effect, Request, Message }: z.infer<typeof reasonSchema>): Reason {
  const reason = { policy: Policy, effect: Effect, request: Request, message: Message };
  return Statement === undefined ? reason : { ...reason, statement: Statement };
}

const listSchema = z.object({
  Principals: z.object({ Principal: z.array(z.object({ Principal: z.string(), DecidedBy: z.string() })) }),
});

/** Prints everybody who may make the call. */
export async function whoCan(client: KmsClient, output: Output, question: Question): Promise<void> {
  const answer = listSchema.parse(await client.call('Ram', 'ListAllowedPrincipals', parametersOf(question)));
  const rows = answer.Principals.Principal.map(({ Principal, DecidedBy }) => [Principal, DecidedBy]);
  for (const line of table([['PRINCIPAL', 'ALLOWED BY'], ...rows])) output.line(line);
}
