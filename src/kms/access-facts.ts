import type { AccessRequest } from '../policy/decision.ts';
import type { AccessFacts, AccessPointEntrance } from '../ports/access-facts.ts';
import { enteredBy } from './access-points.ts';
import { dataKeyAccess, findDataKey, protectingKeyAccess } from './data-key-lookup.ts';
import { sharedScope, type KmsDependencies } from './dependencies.ts';
import { findKey, keyAccess } from './key-lookup.ts';
import { accessPointTable, type AccessPointRecord } from './records/access-point.ts';
import { findSecret, secretAccess, secretKeyAccess } from './secret-lookup.ts';

/** Action in lower case → what it needs on the secret's own key besides. */
const secretKeyActions: ReadonlyMap<string, string> = new Map([
  ['kms:getsecretvalue', 'kms:Decrypt'],
  ['kms:putsecretvalue', 'kms:GenerateDataKey'],
]);

/** The same of a managed data key and its protecting key. */
const protectingKeyActions: ReadonlyMap<string, string> = new Map([
  ['kms:getmanageddatakey', 'kms:Decrypt'],
  ['kms:createmanageddatakeyversion', 'kms:GenerateDataKey'],
]);

/** Tells what calls need, as the actions themselves ask for it. */
export function createAccessFacts(dependencies: KmsDependencies): AccessFacts {
  const { store } = dependencies;
  return {
    requestsFor: (action, resource) => requestsFor(dependencies, action, resource),
    accessPoint: async (name) => {
      const record = await accessPointTable.get(store, name);
      return record === undefined ? undefined : entranceOf(record);
    },
    accessPoints: async () => (await accessPointTable.all(store)).map(({ record }) => entranceOf(record)),
  };
}

function entranceOf(record: AccessPointRecord): AccessPointEntrance {
  const entered = enteredBy(record);
  const entrance = { name: record.name, method: record.authenticationMethod };
  return entered === undefined ? { ...entrance, serviceAccounts: [] } : { ...entrance, ...entered };
}

async function requestsFor(
  dependencies: KmsDependencies,
  action: string,
  resource: string,
): Promise<readonly AccessRequest[]> {
  const { store, accountId, region } = dependencies;
  const [service = ''] = action.split(':', 1);
  const prefix = service.toLowerCase() === 'kms' ? `acs:kms:${region}:${accountId}:` : `acs:${service}::${accountId}:`;
  const isWhole = resource === '*' || resource.startsWith('acs:');
  const arn = isWhole ? resource : prefix + resource;
  const relativeId = arn.startsWith(prefix) ? arn.slice(prefix.length) : '';
  const isAboutAlias = /alias/i.test(action);
  if (relativeId.startsWith('secret/')) {
    const found = await findSecret(dependencies, store, arn);
    const keyAction = secretKeyActions.get(action.toLowerCase());
    const key =
      keyAction === undefined ? [] : await secretKeyAccess(dependencies, keyAction, found.secret?.encryptionKeyId);
    return [secretAccess(dependencies, action, found), ...key];
  }
  if (relativeId.startsWith('datakey/')) {
    const found = await findDataKey(store, relativeId.slice('datakey/'.length));
    const keyAction = protectingKeyActions.get(action.toLowerCase());
    const key = keyAction === undefined ? [] : await protectingKeyAccess(dependencies, keyAction, found);
    return [dataKeyAccess(dependencies, action, found), ...key];
  }
  if (relativeId.startsWith('key/') || (relativeId.startsWith('alias/') && !isAboutAlias)) {
    return [keyAccess(dependencies, action, await findKey(dependencies, store, arn))];
  }
  return [{ action, resource: arn, scope: sharedScope }];
}
