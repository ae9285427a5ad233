import type { AccessPointObject, BindingObject } from '../../../webhook/directory.ts';
import type { Installation, PlanContext } from '../../../webhook/plan.ts';
import type { Pod } from '../../../webhook/pod.ts';

type BindingSpec = BindingObject['spec'];

/** A binding `db` of the namespace shop: one secret, as a variable and as a file. */
export function aBinding(spec: Partial<BindingSpec> = {}, name = 'db'): BindingObject {
  return {
    metadata: { name, namespace: 'shop' },
    spec: {
      podSelector: { matchLabels: { app: 'web' } },
      accessPoint: 'shop',
      sources: [{ name: 'db', secret: { name: 'shop/db' } }],
      env: [{ name: 'DB_PASSWORD', source: 'db', field: 'password' }],
      files: [{ path: 'db.json', source: 'db', mode: '0440' }],
      mountPath: '/var/run/secrets/kaap',
      envMethod: 'Auto',
      envReferences: 'Forbidden',
      ...spec,
    },
  };
}

/** An access point `shop` for the service account shop/web. */
export function anAccessPoint(name = 'shop'): AccessPointObject {
  return {
    metadata: { name },
    spec: {
      authentication: {
        ramRole: {
          trustedRole: 'ServiceAccountRole',
          roleName: name,
          serviceAccounts: [{ namespace: 'shop', name: 'web' }],
        },
      },
      policies: [name],
      mode: 'Enforce',
    },
  };
}

/** A pod of shop/web that asks for injection, with one container `app`. */
export function aPod(spec: Partial<Pod['spec']> = {}, metadata: NonNullable<Pod['metadata']> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: 'web-',
      ...metadata,
      labels: { app: 'web', 'kaap.dev/inject': 'true', ...metadata.labels },
    },
    spec: { serviceAccountName: 'web', containers: [{ name: 'app', image: 'example/app:1' }], ...spec },
  };
}

export const installation: Installation = {
  endpoint: 'https://kaap-kms.kaap-system.svc:8443',
  caPem: 'certificates',
  region: 'local',
  accountId: '1000000000000000',
  oidcProvider: 'kubernetes',
  agentImage: 'kaap/agent:1',
  agentImagePullPolicy: 'IfNotPresent',
  serverVersion: { major: 1, minor: 36 },
};

export function aContext(
  bindings: readonly BindingObject[] = [aBinding()],
  accessPoints: readonly AccessPointObject[] = [anAccessPoint()],
): PlanContext {
  return {
    namespace: 'shop',
    bindings,
    accessPoints: new Map(accessPoints.map((accessPoint) => [accessPoint.metadata.name, accessPoint])),
  };
}
