import { beforeEach, describe, expect, it } from 'vitest';
import { createAccessPointDirectory } from '../../src/kms/access-points.ts';
import type { AccessPointEntry } from '../../src/ports/access-point-directory.ts';
import { KmsScene } from './kms-scene.ts';

let kms: KmsScene;

beforeEach(async () => {
  kms = new KmsScene();
  await kms.call('CreatePolicy', {
    Name: 'p',
    KmsInstance: 'shared',
    Permissions: '["RbacPermission/Template/CryptoServiceSecretUser"]',
    Resources: '["secret/*"]',
  });
  await kms.call('CreateApplicationAccessPoint', {
    Name: 'shop',
    AuthenticationMethod: 'RAMRole',
    Policies: '["p"]',
    AuthenticationConfig: config([{ namespace: 'shop', name: 'web' }]),
  });
});

const config = (serviceAccounts: object[]): string =>
  JSON.stringify({ ramRole: { trustedRole: 'ServiceAccountRole', roleName: 'shop', serviceAccounts } });
const list = (serviceAccounts: object[]): Promise<unknown> =>
  kms.call('UpdateApplicationAccessPoint', { Name: 'shop', AuthenticationConfig: config(serviceAccounts) });

async function admits(uid: string | undefined, name = 'web', provider = 'kubernetes'): Promise<boolean> {
  const directory = createAccessPointDirectory(kms.store, kms.clock);
  const [entry] = await directory.findByRoleName('shop');
  const identity = { provider, namespace: 'shop', name, ...(uid !== undefined && { uid }) };
  return directory.admits(entry as AccessPointEntry, identity);
}

const bindings = async (): Promise<unknown> =>
  (await kms.call('DescribeApplicationAccessPoint', { Name: 'shop' }))['ServiceAccountBindings'];

describe('B5: a service account that is made again under the name of an earlier one', () => {
  it('is not let in, and the access point tells which one stays out', async () => {
    expect(await admits('u1')).toBe(true);
    expect(await admits('u2')).toBe(false);
    expect(await admits('u1')).toBe(true);
    expect(await bindings()).toEqual([
      expect.objectContaining({ Namespace: 'shop', Name: 'web', Uid: 'u1', RefusedUid: 'u2' }),
    ]);
  });

  it('costs one write, however often it comes', async () => {
    await admits('u1');
    let writes = 0;
    kms.store.watch(() => (writes += 1));
    for (let time = 0; time < 20; time += 1) await Promise.all([admits('u2'), admits('u1')]);
    expect(writes).toBe(1);
  });

  it('of two that come first at once, one is let in', async () => {
    const answers = await Promise.all([admits('u1'), admits('u2')]);
    expect(answers.filter((answer) => answer)).toHaveLength(1);
  });

  it('is let in once its uid is listed, and then the earlier one is not', async () => {
    await admits('u1');
    await list([{ namespace: 'shop', name: 'web', uid: 'u2' }]);
    expect(await admits('u2')).toBe(true);
    await list([{ namespace: 'shop', name: 'web' }]);
    expect(await admits('u1')).toBe(false);
    expect(await admits('u2')).toBe(true);
  });

  it('is let in after its name was taken from the list and put back', async () => {
    await admits('u1');
    await list([{ namespace: 'shop', name: 'other' }]);
    expect(await bindings()).toEqual([]);
    await list([{ namespace: 'shop', name: 'web' }]);
    expect(await admits('u2')).toBe(true);
  });

  it('stays out when something else about the access point changes', async () => {
    await admits('u1');
    await kms.call('UpdateApplicationAccessPoint', { Name: 'shop', Description: 'new' });
    await list([
      { namespace: 'shop', name: 'web' },
      { namespace: 'shop', name: 'other' },
    ]);
    expect(await admits('u2')).toBe(false);
  });

  it('of another cluster is somebody else, and one whose token names no uid is nobody', async () => {
    expect(await admits('u1')).toBe(true);
    expect(await admits('u9', 'web', 'cluster-2')).toBe(true);
    expect(await admits(undefined)).toBe(false);
  });

  it('finds nothing that an access point of the same name left behind', async () => {
    await admits('u1');
    await kms.call('DeleteApplicationAccessPoint', { Name: 'shop' });
    await kms.call('CreateApplicationAccessPoint', {
      Name: 'shop',
      AuthenticationMethod: 'RAMRole',
      Policies: '["p"]',
      AuthenticationConfig: config([{ namespace: 'shop', name: 'web' }]),
    });
    expect(await admits('u2')).toBe(true);
  });
});
