import { expect, test } from 'vitest';
import type { ApplicationAccessPoint } from '../../src/api/v1alpha1/application-access-point.ts';
import type { Pod } from '../../src/controllers/pod.ts';
import { accessPointsThatRefused } from '../../src/controllers/relations.ts';
import { Store } from '../../src/kube/store.ts';
import { recreatedAccounts } from '../../src/controllers/application-access-point/recreated-accounts.ts';

const bound = { Provider: 'kubernetes', Namespace: 'shop', Name: 'web', Uid: 'u1' };

test('B5: an access point says which service account stays out because it was made again, and how it is let in', () => {
  const { conditions } = recreatedAccounts({ ServiceAccountBindings: [{ ...bound, RefusedUid: 'u2' }, bound] });
  expect(conditions).toEqual([
    {
      type: 'ServiceAccountRecreated',
      status: 'True',
      reason: 'UidDiffers',
      message:
        'Made again under the name and not let in: shop/web (uid u2). If it is who is meant, add its uid to its entry of serviceAccounts.',
    },
  ]);
});

test('B5: it says nothing of it otherwise', () => {
  for (const inKms of [undefined, {}, { ServiceAccountBindings: [bound] }]) {
    expect(recreatedAccounts(inKms)).toEqual({ dropConditions: ['ServiceAccountRecreated'] });
  }
});

test('B5: a pod whose agent was refused has the access points looked at that list its service account, and no other has', () => {
  const serviceAccounts = [{ namespace: 'shop', name: 'web' }];
  const point = (name: string, authentication: object): ApplicationAccessPoint =>
    ({ metadata: { name }, spec: { authentication, policies: [] } }) as unknown as ApplicationAccessPoint;
  const points = new Store<ApplicationAccessPoint>();
  for (const object of [
    point('by-role', { ramRole: { trustedRole: 'ServiceAccountRole', roleName: 'shop', serviceAccounts } }),
    point('by-key', { clientKey: { serviceAccounts } }),
    point('other', { clientKey: { serviceAccounts: [{ namespace: 'shop', name: 'default' }] } }),
    point('node', { ramRole: { trustedRole: 'ACKWorkerRole', roleName: 'Worker' } }),
  ]) {
    points.handle({ type: 'Apply', object });
  }
  const pod = (serviceAccountName: string | undefined, exitCode: number): Pod =>
    ({
      metadata: { namespace: 'shop', name: 'web-1' },
      spec: { ...(serviceAccountName !== undefined && { serviceAccountName }) },
      status: {
        initContainerStatuses: [{ name: 'kaap-agent', state: { terminated: { exitCode, message: 'refused' } } }],
      },
    }) as unknown as Pod;
  expect([...accessPointsThatRefused(pod('web', 1), points)]).toEqual(['by-role', 'by-key']);
  expect([...accessPointsThatRefused(pod(undefined, 1), points)]).toEqual(['other']);
  expect([...accessPointsThatRefused(pod('web', 0), points)]).toEqual([]);
});
