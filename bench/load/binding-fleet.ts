import { setTimeout as sleep } from 'node:timers/promises';
import {
  applicationAccessPointType,
  type ApplicationAccessPoint,
} from '../../src/api/v1alpha1/application-access-point.ts';
import { rbacPolicyType, type RbacPolicy } from '../../src/api/v1alpha1/rbac-policy.ts';
import type { OnChange } from '../../src/api/v1alpha1/binding-refresh.ts';
import { secretBindingType, type SecretBinding } from '../../src/api/v1alpha1/secret-binding.ts';
import type { KmsClient } from '../../src/client/kms-client.ts';
import { isReady } from '../../src/api/condition.ts';
import { namespaceType } from '../../src/controllers/ownership.ts';
import type { KubeClusterApi } from '../../src/kube/kube-cluster-api.ts';
import { putObjects } from './etcd-objects.ts';

/** How many there are of what. */
export interface FleetSize {
  bindings: number;
  /** Each with an access point and a policy of its own. */
  namespaces: number;
  /** In KMS, for each namespace; its bindings share them. */
  secretsEach: number;
}

const manager = { fieldManager: 'bench' };

/** Requests in flight at once while the fleet is made or changed. */
const makers = 16;

/** Does `work` for each number below `count`, `makers` at a time. */
export async function forEachOf(count: number, work: (at: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++) await work(at);
  };
  await Promise.all(Array.from({ length: makers }, worker));
}

/** Bindings that are ready to be used, spread over namespaces. */
export class BindingFleet {
  readonly size: FleetSize;
  readonly #api: KubeClusterApi;
  readonly #signal: AbortSignal;
  readonly #onChange: (at: number) => OnChange;

  /** `onChange` says it of each binding; none of them follows new versions unless given. */
  constructor(
    api: KubeClusterApi,
    size: FleetSize,
    signal: AbortSignal,
    onChange: (at: number) => OnChange = () => 'None',
  ) {
    this.#api = api;
    this.size = size;
    this.#signal = signal;
    this.#onChange = onChange;
  }

  refOf(at: number): { namespace: string; name: string } {
    return { namespace: `fleet-${at % this.size.namespaces}`, name: `binding-${at}` };
  }

  /** Namespaces, policies and access points. */
  async makeTenants(): Promise<void> {
    const options = { ...manager, signal: this.#signal };
    await forEachOf(this.size.namespaces, async (at) => {
      const name = `fleet-${at}`;
      await this.#api.apply(namespaceType, { metadata: { name } }, options);
      const policy = { templates: ['SecretUser' as const], resources: [`secret/${name}/*`] };
      await this.#api.apply<RbacPolicy>(rbacPolicyType, { metadata: { name }, spec: policy }, options);
      const serviceAccounts = [{ namespace: name, name: 'default' }];
      const ramRole = { trustedRole: 'ServiceAccountRole' as const, roleName: name, serviceAccounts };
      const spec = { authentication: { ramRole }, policies: [name] };
      await this.#api.apply<ApplicationAccessPoint>(applicationAccessPointType, { metadata: { name }, spec }, options);
    });
  }

  /** Whether every access point is Ready. */
  async tenantsAreReady(): Promise<boolean> {
    const points = await this.#api.list<ApplicationAccessPoint>(applicationAccessPointType, { signal: this.#signal });
    return points.length === this.size.namespaces && points.every(isReady);
  }

  async makeSecrets(kms: KmsClient): Promise<void> {
    await forEachOf(this.size.namespaces * this.size.secretsEach, async (at) => {
      await kms.createSecret({ SecretName: this.#secretOf(at), SecretData: 'x'.repeat(64), VersionId: 'v1' });
    });
  }

  /** A new version of the secret of a binding, and of others that share it. */
  async putVersion(kms: KmsClient, at: number, VersionId: string): Promise<void> {
    await kms.putSecretValue({ SecretName: this.#secretOf(at), SecretData: VersionId, VersionId });
  }

  /** Takes a binding away and makes it anew: same name, another uid. */
  async remakeBinding(at: number): Promise<void> {
    await this.#api.delete(secretBindingType, this.refOf(at), { signal: this.#signal });
    await this.changeBinding(at, 60);
  }

  /** Every binding, as the API server would have stored it. Resolves when the API server has seen them all. */
  async makeBindings(etcdEndpoint: string): Promise<void> {
    await putObjects(etcdEndpoint, 'kaap.dev/secretbindings', this.size.bindings, (at) => ({
      apiVersion: 'kaap.dev/v1alpha1',
      kind: 'SecretBinding',
      metadata: this.refOf(at),
      spec: this.#specOf(at, 60),
    }));
    // One transaction of etcd is one revision: a listing from the cache may show a part of it, and a watch from there never the rest.
    const isSeen = async (): Promise<boolean> =>
      (await this.#api.list(secretBindingType, { signal: this.#signal })).length === this.size.bindings;
    while (!(await isSeen())) await sleep(200);
  }

  /** Changes a binding; another `interval` is another spec. */
  async changeBinding(at: number, interval: number): Promise<void> {
    const object = { metadata: this.refOf(at), spec: this.#specOf(at, interval) };
    await this.#api.apply<SecretBinding>(secretBindingType, object, { ...manager, signal: this.#signal });
  }

  #secretOf(at: number): string {
    const { namespaces, secretsEach } = this.size;
    return `fleet-${at % namespaces}/secret-${Math.floor(at / namespaces) % secretsEach}`;
  }

  #specOf(at: number, intervalSeconds: number): SecretBinding['spec'] {
    const { namespace, name } = this.refOf(at);
    const secret = { name: this.#secretOf(at) };
    const onChange = this.#onChange(at);
    return {
      podSelector: { matchLabels: { app: name } },
      accessPoint: namespace,
      sources: [{ name: 'value', secret }],
      files: [{ path: 'value', source: 'value', mode: '0440' }],
      ...(onChange === 'None' ? {} : { env: [{ name: 'VALUE', source: 'value' }] }),
      mountPath: '/var/run/secrets/kaap',
      envMethod: 'Auto',
      envReferences: 'Forbidden',
      refresh: { intervalSeconds, onChange },
    };
  }
}
