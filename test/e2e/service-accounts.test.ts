import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { cluster, eventually, kaap, podsOf, printed, read } from './installation.ts';
import { deployment, tenantObjects } from './tenant.ts';

const namespace = 'e2e-recreated';
const value = JSON.stringify({ user: 'app', password: randomBytes(12).toString('hex') });
const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'app', namespace } };

const kubectl = (...args: string[]): Promise<string> => cluster().kubectl(args);

/** Waits until the pod of a Deployment has the secret. */
async function delivered(workload: string): Promise<void> {
  const got = await eventually(
    async () => {
      const [pod] = await podsOf(namespace, `workload=${workload}`);
      if (pod?.status.containerStatuses?.[0]?.state.running === undefined) return undefined;
      const seen = await printed(namespace, pod.metadata.name);
      return seen.size === 3 ? seen : undefined;
    },
    async () => JSON.stringify((await podsOf(namespace, `workload=${workload}`))[0]?.status),
  );
  expect(got.get('/var/run/secrets/kaap/db.json')?.toString()).toBe(value);
}

async function recreatedCondition(): Promise<string | undefined> {
  interface AccessPoint {
    status?: { conditions?: { type: string; status: string; message: string }[] };
  }
  const point = await read<AccessPoint>(['aap', namespace]);
  return point?.status?.conditions?.find(({ type }) => type === 'ServiceAccountRecreated')?.message;
}

describe('B5: A service account that is made again under the name of an earlier one', () => {
  beforeAll(async () => {
    await cluster().apply(tenantObjects({ namespace, method: 'role' }));
    await kaap(['secret', 'put', `${namespace}/db`], value);
    await kubectl('wait', '--for=condition=Ready', 'sbind/db', '-n', namespace, '--timeout=60s');
    await cluster().apply([deployment('first', { namespace })]);
    await delivered('first');
    await kubectl('delete', 'serviceaccount', 'app', '-n', namespace);
    await cluster().apply([account, deployment('second', { namespace })]);
  });

  it('has no pod that gets what the former one had: the agent says that it was refused, and the application does not start', async () => {
    const reason = await eventually(
      async () => {
        const [pod] = await podsOf(namespace, 'workload=second');
        const status = pod?.status.initContainerStatuses?.find(({ name }) => name.startsWith('kaap'));
        return status?.state.terminated?.message ?? status?.lastState.terminated?.message;
      },
      async () => `nothing was refused: ${JSON.stringify((await podsOf(namespace, 'workload=second'))[0]?.status)}`,
    );
    expect(reason).toMatch(/AuthenticationFail|NoPermission/);
    const [pod] = await podsOf(namespace, 'workload=second');
    expect(pod?.status.containerStatuses?.[0]?.state.running).toBeUndefined();
    expect(pod?.status.containerStatuses?.[0]?.lastState.terminated).toBeUndefined();
  });

  it('is named by a condition of its access point, with the uid by which an administrator lets it in', async () => {
    const made = await read<{ metadata: { uid: string } }>(['serviceaccount', 'app', '-n', namespace]);
    const uid = made?.metadata.uid ?? expect.unreachable('there is no service account');
    const message = await eventually(recreatedCondition, () => 'the access point has no condition of it');
    expect(message).toContain(`${namespace}/app (uid ${uid})`);
    const serviceAccounts = [{ namespace, name: 'app', uid }];
    const spec = { authentication: { ramRole: { serviceAccounts } } };
    await kubectl('patch', `aap/${namespace}`, '--type=merge', '-p', JSON.stringify({ spec }));
    await delivered('second');
    await eventually(
      async () => ((await recreatedCondition()) === undefined ? true : undefined),
      async () => `still: ${await recreatedCondition()}`,
    );
  });
});
