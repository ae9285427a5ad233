import { evaluate } from '../src/policy/evaluate.ts';
import type { AccessContext, AccessRequest } from '../src/policy/decision.ts';
import type { PolicySet } from '../src/policy/policy-set.ts';
import type { Principal } from '../src/policy/principal.ts';
import { expandRbacPolicy } from '../src/policy/rbac-templates.ts';
import { systemPolicies } from '../src/policy/system-policies.ts';
import { referenceDecision } from '../test/support/reference-evaluator.ts';
import { setting } from './load/setting.ts';

/**
 * Decisions per second with 10,000 policies in use, beside the plain reference evaluator of the tests on the same questions in
 * the same run: `node bench/policy.ts`. The figure to reach is 100,000 decisions per second.
 */

const accountId = '1000000000000000';
const policyCount = 10_000;
const seconds = setting('BENCH_SECONDS', 3);
const context: AccessContext = { time: Date.UTC(2026, 0, 1), sourceIp: '10.1.2.3', secureTransport: true };

/** A custom policy of a team: its keys, its secrets, from its network, and never the deletion of keys. */
function teamPolicy(team: number, ...more: string[]): string {
  return JSON.stringify({
    Version: '1',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKey', 'kms:Describe*', ...more],
        Resource: [`acs:kms:*:${accountId}:key/team-${team}-*`, `acs:kms:*:${accountId}:alias/team-${team}/*`],
        Condition: { StringEquals: { 'kms:tag/team': [`team-${team}`] } },
      },
      { Effect: 'Allow', Action: 'kms:GetSecretValue', Resource: `acs:kms:*:${accountId}:secret/team-${team}/*` },
      { Effect: 'Deny', Action: ['kms:ScheduleKeyDeletion', 'kms:DeleteKeyMaterial'], Resource: '*' },
    ],
  });
}

const documents = Array.from({ length: policyCount }, (_, team) => teamPolicy(team));
/** The same, no two of which list the same actions: what is made of such a list is shared by nobody. */
const unlikeDocuments = documents.map((_document, team) => teamPolicy(team, `kms:Odd${team}`));
const readOnly = systemPolicies.get('AliyunKMSReadOnlyAccess')?.document ?? '';

/** A user of three teams who decrypts with a key of the last one, a request that every statement is asked about. */
function userOf(
  round: number,
  from: readonly string[] = documents,
): { principal: Principal; request: AccessRequest; texts: string[] } {
  const teams = [round * 7919, round * 104_729 + 1, round * 31 + 2].map((number) => number % policyCount);
  const team = teams[2] ?? 0;
  return {
    principal: { kind: 'RamUser', accountId, userName: `user-${team}`, accessKeyId: 'AK' },
    request: {
      action: 'kms:Decrypt',
      resource: `acs:kms:local:${accountId}:key/team-${team}-main`,
      scope: 'shared',
      tags: { team: `team-${team}` },
    },
    texts: [readOnly, ...teams.map((number) => from[number] ?? '')],
  };
}

function decideForUser(round: number, from?: readonly string[]): boolean {
  const { principal, request, texts } = userOf(round, from);
  const identityPolicies = texts.map((document, index) => ({ name: `RamPolicy/p${index}`, document }));
  return evaluate(principal, [request], context, { identityPolicies }).effect === 'Allow';
}

const decideForUnlikeUser = (round: number): boolean => decideForUser(round, unlikeDocuments);

/** The same, with documents as a store gives them: texts that were never seen before as objects. */
function decideForUserFromStore(round: number): boolean {
  const { principal, request, texts } = userOf(round);
  const identityPolicies = texts.map((text, index) => ({
    name: `RamPolicy/p${index}`,
    document: Buffer.from(text).toString(),
  }));
  return evaluate(principal, [request], context, { identityPolicies }).effect === 'Allow';
}

function decideByReference(round: number): boolean {
  const { principal, request, texts } = userOf(round);
  const userName = principal.kind === 'RamUser' ? principal.userName : '';
  const question = {
    principalArn: `acs:ram::${accountId}:user/${userName}`,
    accountId,
    action: request.action,
    resource: request.resource,
    tags: { ...request.tags },
    identityPolicies: texts,
  };
  return referenceDecision(question) === 'Allow';
}

const pod: Principal = {
  kind: 'RoleSession',
  accountId,
  roleName: 'shop',
  sessionName: 'web-1',
  accessKeyId: 'STS.1',
  expiresAt: Date.UTC(2027, 0, 1),
  accessPoint: 'shop',
};

const accessPoint: PolicySet = {
  identityPolicies: [],
  accessPoint: {
    name: 'shop',
    mode: 'Enforce',
    method: 'RAMRole',
    policies: ['a', 'b', 'c'].map((name) =>
      expandRbacPolicy({
        name,
        scope: 'shared',
        permissions: ['SecretUser', 'CryptoServiceKeyUser'],
        resources: Array.from({ length: 10 }, (_, index) => `secret/${name}/${index}/*`),
        networkRules: [{ name: 'pods', type: 'Private', sourcePrivateIp: ['192.168.0.0/16', '10.0.0.0/8'] }],
      }),
    ),
  },
};

function decideForPod(round: number): boolean {
  const resource = `acs:kms:local:${accountId}:secret/c/${round % 10}/password`;
  const calls: AccessRequest[] = [
    { action: 'kms:GetSecretValue', resource, scope: 'shared' },
    {
      action: 'kms:Decrypt',
      resource: `acs:kms:local:${accountId}:key/1`,
      scope: 'shared',
      impliedByAccessPoint: true,
    },
  ];
  return evaluate(pod, calls, context, accessPoint).effect === 'Allow';
}

const windowMs = 50;

/**
 * Decisions per second: the best of many short windows, so that other work on the machine counts little. Every decision must
 * be an allow, or the benchmark measures something else than it says.
 */
function measure(decide: (round: number) => boolean): number {
  const decideMany = (from: number, count: number): void => {
    for (let round = from; round < from + count; round += 1) {
      if (!decide(round)) throw new Error('A decision was not Allow.');
    }
  };
  decideMany(0, policyCount);
  const end = performance.now() + seconds * 1000;
  let best = 0;
  for (let round = 0; performance.now() < end;) {
    const start = performance.now();
    const first = round;
    for (; performance.now() < start + windowMs; round += 100) decideMany(round, 100);
    best = Math.max(best, (round - first) / ((performance.now() - start) / 1000));
  }
  return best;
}

const timedDecisions = 50_000;

/** The 99th percentile of the time of one decision, in microseconds. */
function slowest(decide: (round: number) => boolean): number {
  const times = Float64Array.from({ length: timedDecisions }, (_, round) => {
    const start = performance.now();
    decide(round);
    return performance.now() - start;
  }).toSorted();
  return (times[Math.floor(timedDecisions * 0.99)] ?? 0) * 1000;
}

const reference = measure(decideByReference);
const rows: [string, number, number][] = [
  ['reference evaluator', reference, slowest(decideByReference)],
  ['RAM user, 4 policies', measure(decideForUser), slowest(decideForUser)],
  ['RAM user, 4 unlike policies', measure(decideForUnlikeUser), slowest(decideForUnlikeUser)],
  ['RAM user, 4 policies, new texts', measure(decideForUserFromStore), slowest(decideForUserFromStore)],
  ['pod at an access point', measure(decideForPod), slowest(decideForPod)],
];
for (const [name, perSecond, p99] of rows) {
  const ratio = (perSecond / reference).toFixed(1);
  process.stdout.write(
    `${name.padEnd(32)} ${perSecond.toFixed(0).padStart(9)}/s  ${ratio.padStart(6)} x reference  p99 ${p99.toFixed(1).padStart(6)} µs\n`,
  );
}
