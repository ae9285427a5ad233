import type { AgentIdentity, TokenRole } from './agent/agent-config.ts';
import type { ClientKeyAuthentication, RamRoleAuthentication } from '../src/api/v1alpha1/application-access-point.ts';
import type { ServiceAccountReference } from '../src/api/v1alpha1/names.ts';
import type { AccessPoints, BindingObject } from './directory.ts';
import { agentPaths, clientKeyFileName } from './layout.ts';
import { Refusal } from './refusal.ts';
import type { PodIdentity } from './select.ts';

/** How a pod will use one access point, and what its agent needs for that. */
export interface Access {
  accessPoint: string;
  identity: AgentIdentity;
  /** Name of the Secret, in the pod's namespace, that holds the client key file. */
  clientKeySecret?: string;
}

/** The part of an installation that identities are made of. */
export interface IdentityRealm {
  accountId: string;
  /** Name of the OIDC provider that stands for this cluster. */
  oidcProvider: string;
}

/**
 * The identity with which the pod's agent will speak to an access point. Throws a {@link Refusal} when the access point
 * would turn the pod away: that is better said now, to its author, than later in a container that does not start.
 * (The KMS decides again, by the pod's token; nothing here grants anything.)
 */
export function accessFor(
  binding: BindingObject,
  accessPoints: AccessPoints,
  who: PodIdentity,
  realm: IdentityRealm,
): Access {
  const name = binding.spec.accessPoint;
  const found = accessPoints.get(name);
  if (found === undefined) {
    throw new Refusal(
      `The SecretBinding ${binding.metadata.name} names the access point ${name}, which does not exist. ` +
        `Create the ApplicationAccessPoint ${name}, or change spec.accessPoint of the binding.`,
    );
  }
  const { ramRole, clientKey } = found.spec.authentication;
  if (ramRole !== undefined) return roleAccess(name, ramRole, who, realm);
  if (clientKey !== undefined) return clientKeyAccess(name, clientKey, who, realm);
  throw new Refusal(`The access point ${name} has no authentication. Set spec.authentication.ramRole or clientKey.`);
}

function roleAccess(name: string, ramRole: RamRoleAuthentication, who: PodIdentity, realm: IdentityRealm): Access {
  if (ramRole.trustedRole !== 'ServiceAccountRole') {
    throw new Refusal(
      `The access point ${name} trusts the role of ${ramRole.trustedRole}, which a pod cannot prove. ` +
        'Use an access point whose spec.authentication.ramRole.trustedRole is ServiceAccountRole.',
    );
  }
  mustList(name, 'ramRole', ramRole.serviceAccounts, who);
  return {
    accessPoint: name,
    identity: { method: 'ServiceAccountRole', ...tokenRole(name, ramRole.roleName, who, realm) },
  };
}

function clientKeyAccess(
  name: string,
  clientKey: ClientKeyAuthentication,
  who: PodIdentity,
  realm: IdentityRealm,
): Access {
  mustList(name, 'clientKey', clientKey.serviceAccounts, who);
  const { namespace, name: secretName } = clientKey.secretRef;
  if (namespace !== who.namespace) {
    throw new Refusal(
      `The client key of the access point ${name} is kept in the namespace ${namespace}; pods of ${who.namespace} ` +
        `cannot mount it. Use an access point whose spec.authentication.clientKey.secretRef is in ${who.namespace}.`,
    );
  }
  return {
    accessPoint: name,
    identity: {
      method: 'ClientKey',
      clientKeyFile: `${agentPaths.clientKey}/${name}/${clientKeyFileName}`,
      unlock: {
        ...tokenRole(name, `kaap-client-key-${name}`, who, realm),
        secretPrefix: `kaap/client-key/${name}/`,
      },
    },
    clientKeySecret: secretName,
  };
}

function mustList(
  accessPoint: string,
  method: 'ramRole' | 'clientKey',
  listed: readonly ServiceAccountReference[] | undefined,
  who: PodIdentity,
): void {
  const { namespace, serviceAccount } = who;
  if (listed?.some((entry) => entry.namespace === namespace && entry.name === serviceAccount) === true) return;
  throw new Refusal(
    `The access point ${accessPoint} does not list the service account ${namespace}/${serviceAccount}. Add ` +
      `{namespace: ${namespace}, name: ${serviceAccount}} to spec.authentication.${method}.serviceAccounts of the ` +
      `ApplicationAccessPoint ${accessPoint}, or run the pod as a service account that it lists.`,
  );
}

function tokenRole(accessPoint: string, roleName: string, who: PodIdentity, realm: IdentityRealm): TokenRole {
  return {
    roleArn: `acs:ram::${realm.accountId}:role/${roleName}`,
    oidcProviderArn: `acs:ram::${realm.accountId}:oidc-provider/${realm.oidcProvider}`,
    tokenFile: `${agentPaths.token}/${accessPoint}`,
    sessionName: `${who.namespace}.${who.serviceAccount}`.slice(0, 64),
  };
}
