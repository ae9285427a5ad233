import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, test } from 'vitest';
import { applicationAccessPointType } from '../../src/api/v1alpha1/application-access-point.ts';
import { secretBindingType } from '../../src/api/v1alpha1/secret-binding.ts';
import { findPodPrincipal } from '../../src/cmd/pod-principal.ts';
import { podType } from '../../src/controllers/pod.ts';
import { ManifestClusterApi } from '../../src/kube/manifest-cluster-api.ts';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'shop', name: 'web-1', labels: { app: 'web' } },
  spec: { serviceAccountName: 'web' },
};
const binding = (name: string, app: string, accessPoint: string): object => ({
  apiVersion: 'kaap.dev/v1alpha1',
  kind: 'SecretBinding',
  metadata: { namespace: 'shop', name },
  spec: { podSelector: { matchLabels: { app } }, accessPoint },
});
const accessPoint = (name: string, ...accounts: string[]): object => ({
  apiVersion: 'kaap.dev/v1alpha1',
  kind: 'ApplicationAccessPoint',
  metadata: { name },
  spec: {
    authentication: { ramRole: { serviceAccounts: accounts.map((account) => ({ namespace: 'shop', name: account })) } },
  },
});

async function principal(...objects: object[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kaap-pod-'));
  folders.push(folder);
  await Promise.all(objects.map((object, index) => writeFile(join(folder, `${index}.yaml`), JSON.stringify(object))));
  const cluster = new ManifestClusterApi({
    folder,
    resources: [podType, secretBindingType, applicationAccessPointType],
  });
  expect((await cluster.reload()).problems).toEqual([]);
  return findPodPrincipal(cluster, { namespace: 'shop', name: 'web-1' }, new AbortController().signal);
}

describe('whom a pod is to the KMS', () => {
  it('is its service account without a binding that takes it', async () => {
    expect(await principal(pod, binding('other', 'api', 'bank'))).toBe('serviceaccount/shop/web');
  });

  it('is the access point of its bindings', async () => {
    const objects = [binding('a', 'web', 'shop'), binding('b', 'web', 'shop'), accessPoint('shop', 'web')];
    expect(await principal(pod, ...objects)).toBe('applicationaccesspoint/shop');
  });

  test.each<[string, object[], string]>([
    ['without the pod', [], 'There is no pod shop/web-1'],
    ['with two access points', [pod, binding('a', 'web', 'x'), binding('b', 'web', 'y')], 'use x and y'],
    ['without the access point', [pod, binding('a', 'web', 'shop')], 'does not exist'],
    ['not listed there', [pod, binding('a', 'web', 'shop'), accessPoint('shop', 'api')], 'does not list the service'],
  ])('is refused %s', async (_what, objects, message) => {
    await expect(principal(...objects)).rejects.toThrow(message);
  });
});
