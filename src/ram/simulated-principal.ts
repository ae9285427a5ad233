import { ApiError } from '../lib/errors.ts';
import type { Principal, RoleSession } from '../policy/principal.ts';
import type { AccessFacts, AccessPointEntrance } from '../ports/access-facts.ts';
import type { ServiceAccountReference } from '../ports/access-point-directory.ts';
import type { RamDependencies } from './ram-dependencies.ts';
import { loadRole } from './roles.ts';
import { loadUser } from './users.ts';

/** Stands for the session, access key or client key that nobody holds while a question is asked. */
const SIMULATED = 'simulated';

/** What finds principals. */
export interface PrincipalFinder extends Pick<RamDependencies, 'store' | 'accountId'> {
  readonly facts: AccessFacts;
}

type Find = (finder: PrincipalFinder, name: string) => Promise<Principal>;

/** Part of the ARN after the account → whom it means. */
const rows: readonly [pattern: RegExp, find: Find][] = [
  [/^root$/, ({ accountId }) => Promise.resolve({ kind: 'Account', accountId, accessKeyId: SIMULATED })],
  [/^user\/([^/]+)$/, userPrincipal],
  [/^(?:assumed-)?role\/([^/]+)(?:\/[^/]+)?$/, rolePrincipal],
  [/^applicationaccesspoint\/([^/]+)$/, (finder, name) => accessPointPrincipal(finder, name)],
  [/^serviceaccount\/([^/]+\/[^/]+)$/, serviceAccountPrincipal],
];

/**
 * The principal that a text means: `root`, `user/<name>`, `role/<name>`, `applicationaccesspoint/<name>` (whoever came
 * through it), `serviceaccount/<namespace>/<name>` (a pod's); or the ARN of one of them.
 *
 * @throws ApiError `InvalidParameter`, `EntityNotExist.*`, `Forbidden.ResourceNotFound`.
 */
export async function findPrincipal(finder: PrincipalFinder, text: string): Promise<Principal> {
  const relativeId = text.replace(/^acs:(?:ram|kms):[^:]*:([0-9]+):/, (whole, account: string) =>
    account === finder.accountId ? '' : whole,
  );
  for (const [pattern, find] of rows) {
    const match = pattern.exec(relativeId);
    if (match !== null) return find(finder, match[1] ?? '');
  }
  throw new ApiError(
    'InvalidParameter',
    'A principal is root, user/<name>, role/<name>, applicationaccesspoint/<name> or serviceaccount/<namespace>/<name>.',
  );
}

async function userPrincipal({ store, accountId }: PrincipalFinder, userName: string): Promise<Principal> {
  await loadUser(store, userName);
  return { kind: 'RamUser', accountId, userName, accessKeyId: SIMULATED };
}

async function rolePrincipal({ store, accountId }: PrincipalFinder, roleName: string): Promise<Principal> {
  const { roleId } = await loadRole(store, roleName);
  return { ...sessionOf(accountId, roleName), roleId };
}

function sessionOf(accountId: string, roleName: string): RoleSession {
  const ids = { sessionName: SIMULATED, accessKeyId: SIMULATED };
  return { kind: 'RoleSession', accountId, roleName, ...ids, expiresAt: Number.MAX_SAFE_INTEGER };
}

/** By client key where the access point takes them, else by its role. */
async function accessPointPrincipal({ accountId, facts }: PrincipalFinder, name: string): Promise<Principal> {
  const entrance = await facts.accessPoint(name);
  if (entrance === undefined) {
    throw new ApiError('Forbidden.ResourceNotFound', `There is no access point ${name}. Check the name.`);
  }
  return entrance.method === 'ClientKey'
    ? { kind: 'ClientKey', accountId, accessPoint: name, accessKeyId: SIMULATED }
    : podSession(accountId, entrance);
}

function podSession(accountId: string, { name, roleName }: AccessPointEntrance): RoleSession {
  if (roleName === undefined) {
    throw new ApiError('InvalidParameter', `Nobody can enter the access point ${name}: no service account is listed.`);
  }
  return { ...sessionOf(accountId, roleName), accessPoint: name };
}

/** A pod of a service account has what its access point gives. @throws ApiError `InvalidParameter` unless there is one. */
async function serviceAccountPrincipal(finder: PrincipalFinder, reference: string): Promise<Principal> {
  const lists = ({ serviceAccounts }: AccessPointEntrance): boolean =>
    serviceAccounts.some(({ namespace, name }) => `${namespace}/${name}` === reference);
  const entered = (await finder.facts.accessPoints()).filter(lists);
  const [only] = entered;
  if (only === undefined) {
    throw new ApiError('InvalidParameter', `No access point lists the service account ${reference}. Add it to one.`);
  }
  if (entered.length > 1) {
    const names = entered.map(({ name }) => name).join(', ');
    throw new ApiError('InvalidParameter', `${reference} may enter ${names}. Ask about applicationaccesspoint/<name>.`);
  }
  const [namespace = '', name = ''] = reference.split('/');
  // By client key a pod reads the password of the key with its session, and does everything else with the key.
  if (only.method === 'ClientKey') return accessPointPrincipal(finder, only.name);
  return { ...podSession(finder.accountId, only), serviceAccount: { ...providerOf(only, reference), namespace, name } };
}

function providerOf({ serviceAccounts }: AccessPointEntrance, reference: string): { provider: string } {
  const found: ServiceAccountReference | undefined = serviceAccounts.find(
    ({ namespace, name }) => `${namespace}/${name}` === reference,
  );
  return { provider: found?.provider ?? 'kubernetes' };
}
