import {
  applicationAccessPointType,
  type ApplicationAccessPoint,
  type ApplicationAccessPointStatus,
} from '../../api/v1alpha1/application-access-point.ts';
import type { ClusterApi } from '../../kube/cluster-api.ts';
import type { Clock } from '../../lib/clock.ts';
import { trustedServices } from '../../ports/access-point-directory.ts';
import { ViolationError } from '../check.ts';
import { find, list, remove, sameJson, sameMembers, text, type KmsAnswer, type KmsApi } from '../kms-api.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { partOf } from '../ram-attachments.ts';
import { accessPointChecks, type AccessPointInput } from './checks.ts';
import { recreatedAccounts } from './recreated-accounts.ts';
import { deleteClientKeys, deliverClientKey } from './client-key.ts';

const fieldManager = 'kaap-application-access-point';

export interface AccessPointDependencies {
  cluster: ClusterApi;
  kms: KmsApi;
  ram: KmsApi;
  clock: Clock;
}

/** Keeps an access point of KMS equal to the object, and delivers its client key once. */
export function accessPointLifecycle(
  dependencies: AccessPointDependencies,
): Lifecycle<ApplicationAccessPoint, AccessPointInput> {
  const { kms } = dependencies;
  return {
    resource: applicationAccessPointType,
    fieldManager,
    holds: () => true,
    gather: async (accessPoint, { signal }) => ({
      accessPoint,
      inKms: await find(kms, 'DescribeApplicationAccessPoint', { Name: accessPoint.metadata.name }, signal),
      missingPolicies: await missingPolicies(kms, accessPoint.spec.policies, signal),
      roleTrust: await roleTrust(dependencies.ram, accessPoint, signal),
    }),
    checks: accessPointChecks,
    act: async (accessPoint, { inKms }, context) => {
      const { signal } = context;
      const recreated = recreatedAccounts(inKms);
      const arn = text(await settle(kms, accessPoint, inKms, signal), 'Arn');
      if (accessPoint.spec.authentication.clientKey === undefined) {
        return { status: { arn }, message: readyMessage(accessPoint), ...recreated };
      }
      const remember = (delivery: ApplicationAccessPointStatus): Promise<void> =>
        context.remember({ ...accessPoint.status, arn, ...delivery });
      const delivery = await deliverClientKey(accessPoint, { ...dependencies, remember }, signal);
      return { status: { arn, ...delivery }, message: readyMessage(accessPoint), ...recreated };
    },
    release: async (accessPoint, { signal }) => {
      await deleteClientKeys(kms, accessPoint.metadata.name, signal);
      await remove(kms, 'DeleteApplicationAccessPoint', { Name: accessPoint.metadata.name }, signal);
      return undefined;
    },
  };
}

async function roleTrust(
  ram: KmsApi,
  { spec }: ApplicationAccessPoint,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { ramRole } = spec.authentication;
  if (ramRole === undefined || trustedServices[ramRole.trustedRole] === undefined) return undefined;
  const role = partOf(await find(ram, 'GetRole', { RoleName: ramRole.roleName }, signal), 'Role');
  return role === undefined ? undefined : text(role, 'AssumeRolePolicyDocument');
}

async function missingPolicies(kms: KmsApi, names: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  const found = await Promise.all(names.map((Name) => find(kms, 'DescribePolicy', { Name }, signal)));
  return names.filter((_name, index) => found[index] === undefined);
}

async function settle(
  kms: KmsApi,
  accessPoint: ApplicationAccessPoint,
  inKms: KmsAnswer | undefined,
  signal: AbortSignal,
): Promise<KmsAnswer> {
  const { policies, description = '', authentication } = accessPoint.spec;
  const AuthenticationMethod = authentication.clientKey === undefined ? 'RAMRole' : 'ClientKey';
  const AuthenticationConfig = authenticationConfig(accessPoint);
  const wanted = {
    Name: accessPoint.metadata.name,
    Description: description,
    Policies: JSON.stringify(policies),
    AuthenticationConfig,
  };
  if (inKms === undefined) {
    return kms.call('CreateApplicationAccessPoint', { ...wanted, AuthenticationMethod }, signal);
  }
  if (text(inKms, 'AuthenticationMethod') !== AuthenticationMethod) {
    throw new ViolationError({
      reason: 'MethodDiffers',
      message: `KMS already has an access point of this name that authenticates by ${text(inKms, 'AuthenticationMethod')}. Delete that one or choose another name.`,
    });
  }
  const same =
    sameMembers(list(inKms, 'Policies'), policies) &&
    text(inKms, 'Description') === description &&
    sameJson(text(inKms, 'AuthenticationConfig'), AuthenticationConfig);
  if (!same) await kms.call('UpdateApplicationAccessPoint', wanted, signal);
  return inKms;
}

/** The parameter of the same name. */
function authenticationConfig(accessPoint: ApplicationAccessPoint): string {
  const { authentication, mode } = accessPoint.spec;
  const { ramRole, clientKey } = authentication;
  const serviceAccounts = (ramRole ?? clientKey)?.serviceAccounts?.map(({ namespace, name, uid }) => ({
    namespace,
    name,
    ...(uid !== undefined && { uid }),
  }));
  if (ramRole !== undefined) {
    const { trustedRole, roleName, alibabaCloudRoles } = ramRole;
    const lists = { ...(serviceAccounts && { serviceAccounts }), ...(alibabaCloudRoles && { alibabaCloudRoles }) };
    return JSON.stringify({ ramRole: { trustedRole, roleName, ...lists }, mode });
  }
  return JSON.stringify({ clientKey: { serviceAccounts: serviceAccounts ?? [] }, mode });
}

function readyMessage(accessPoint: ApplicationAccessPoint): string {
  const { ramRole, clientKey } = accessPoint.spec.authentication;
  const who = (ramRole ?? clientKey)?.serviceAccounts?.map(({ namespace, name }) => `${namespace}/${name}`) ?? [];
  const means = ramRole === undefined ? 'by client key' : `as role ${ramRole.roleName}`;
  return who.length === 0 ? `Usable ${means}.` : `Service accounts ${who.join(', ')} authenticate ${means}.`;
}
