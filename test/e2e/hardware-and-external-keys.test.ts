import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addHeldKeys,
  external,
  externalHsmKeyId,
  externalKeyId,
  hardware,
  owner,
  pin,
  removeHeldKeys,
  runIn,
  startKeyLoad,
  upgrade,
  valueOf,
} from './held-keys.ts';
import { cluster, eventually, kaap, podsOf, printed, read, systemNamespace } from './installation.ts';
import type { KeyLoadResult } from './key-load.ts';
import { deployment, tenantObjects } from './tenant.ts';

interface Conditioned {
  status?: { keyId?: string; state?: string; conditions?: { type: string; status: string; message: string }[] };
}

const tenants = [
  { namespace: 'e2e-hardware', instanceId: hardware, where: 'an HSM', key: { storageMechanism: 'HsmInternal' } },
  { namespace: 'e2e-external', instanceId: external, where: 'a file of the owner', key: { externalKeyId } },
  {
    namespace: 'e2e-external-hsm',
    instanceId: external,
    where: 'an HSM of the owner',
    key: { externalKeyId: externalHsmKeyId },
  },
] as const;
const [hardwareTenant, externalTenant, externalHsmTenant] = tenants;
const instances = [
  { instanceId: hardware, type: 'Hardware' },
  { instanceId: external, type: 'External' },
] as const;

const kubectl = (...args: string[]): Promise<string> => cluster().kubectl(args);

const instanceObject = ({ instanceId, type }: (typeof instances)[number]): object => ({
  apiVersion: 'kaap.dev/v1alpha1',
  kind: 'KmsInstance',
  metadata: { name: instanceId },
  spec: { type, instanceId },
});

const wait = (kind: string, name: string, namespace: string): Promise<string> =>
  kubectl('wait', '--for=condition=Ready', `${kind}/${name}`, '-n', namespace, '--timeout=60s');

async function keyIdOf(namespace: string): Promise<string> {
  const key = await read<Conditioned>(['kkey', 'main', '-n', namespace]);
  return key?.status?.keyId ?? expect.unreachable('the key has no id');
}

/** Waits until the object says that it is, or is not, Ready, and gives the message. */
function says(ready: 'True' | 'False', words: RegExp, ...object: string[]): Promise<string> {
  return eventually(
    async () => {
      const condition = (await read<Conditioned>(object))?.status?.conditions?.find(({ type }) => type === 'Ready');
      return condition?.status === ready && words.test(condition.message) ? condition.message : undefined;
    },
    async () => `${object.join(' ')}: ${JSON.stringify((await read<Conditioned>(object))?.status)}`,
  );
}

/** Codes that tell a caller to come again, or that the key is out of reach; anything else is a defect. */
const expectedRefusals = ['ServiceUnavailableTemporary', 'Rejected.Unavailable'];

function expectNothingLost(load: KeyLoadResult): void {
  process.stdout.write(`${JSON.stringify(load)}\n`);
  expect(load.wrong).toBe(0);
  expect(load.done).toBeGreaterThan(0);
  expect(load.kept).toBe(load.acknowledged);
  expect(Object.keys(load.refusals).filter((code) => !expectedRefusals.includes(code))).toEqual([]);
}

/** Kills the process that has the module in its memory; the one that watches it goes on. */
const killModule = async (): Promise<void> => {
  const killed = await runIn(
    'hsm',
    `import { readdirSync, readFileSync } from 'node:fs';
     const ids = readdirSync('/proc').filter((name) => /^\\d+$/.test(name));
     const command = (id) => { try { return readFileSync('/proc/' + id + '/cmdline', 'utf8'); } catch { return ''; } };
     const found = ids.filter((id) => command(id).includes('hsm-worker'));
     for (const id of found) process.kill(Number(id), 'SIGKILL');
     console.log(found.length);`,
  );
  expect(killed.trim()).toBe('1');
};

/** Ends the container: the kubelet starts it again, with another secret beside its socket. */
const endSidecar = (): Promise<string> => runIn('hsm', `process.kill(1, 'SIGTERM');`);

describe('Keys in an HSM and keys that stay with their owner', () => {
  beforeAll(async () => {
    await addHeldKeys();
    await cluster().apply(instances.map(instanceObject));
    for (const { namespace, instanceId, key } of tenants) {
      await cluster().apply(tenantObjects({ namespace, method: 'role', held: { instanceId, key } }));
    }
    for (const { namespace, instanceId } of tenants) {
      await says('True', /./, 'kmi', instanceId);
      await wait('kkey', 'main', namespace);
      await wait('ksec', 'db', namespace);
      await wait('sbind', 'db', namespace);
    }
  }, 300_000);

  afterAll(async () => {
    await kubectl('delete', 'namespace', ...tenants.map(({ namespace }) => namespace), '--timeout=90s');
    for (const kind of ['aap', 'rbacp']) await kubectl('delete', kind, ...tenants.map(({ namespace }) => namespace));
    await kubectl('delete', 'kmi', ...instances.map(({ instanceId }) => instanceId));
    await removeHeldKeys();
  }, 300_000);

  it.each(tenants)('protect secrets that pods receive: $where', async ({ namespace }) => {
    await cluster().apply([deployment('shop', { namespace })]);
    const got = await eventually(
      async () => {
        const [pod] = await podsOf(namespace, 'workload=shop');
        if (pod?.status.containerStatuses?.[0]?.state.running === undefined) return undefined;
        const seen = await printed(namespace, pod.metadata.name);
        return seen.size === 3 ? seen : undefined;
      },
      async () => JSON.stringify((await podsOf(namespace, 'workload=shop'))[0]?.status),
    );
    expect(got.get('/var/run/secrets/kaap/db.json')?.toString()).toBe(await valueOf(namespace));
    expect(got.get('DB_USER')?.toString()).toBe('app');
  });

  it('F1: the module and then the whole sidecar are killed under load, and nothing is lost or wrong', async () => {
    const { namespace } = hardwareTenant;
    const load = startKeyLoad(await keyIdOf(namespace));
    let { done } = await load.until((soFar) => soFar.done > 0);
    for (const strike of [killModule, killModule, endSidecar]) {
      await strike();
      ({ done } = await load.until((soFar) => soFar.done > done + 10));
    }
    await load.end();
    expectNothingLost(await load.result());
    const [pod] = await podsOf(systemNamespace, 'app.kubernetes.io/component=kms');
    const sidecar = pod?.status.initContainerStatuses?.find(({ name }) => name === 'hsm');
    expect(sidecar).toMatchObject({ restartCount: 1 });
    await says('True', /./, 'kkey', 'main', '-n', namespace);
  });

  it('F6: the proxy is killed under load, and nothing is lost or wrong; keys in the HSM do not notice', async () => {
    const owned = [externalTenant, externalHsmTenant];
    const loads = await Promise.all(owned.map(async ({ namespace }) => startKeyLoad(await keyIdOf(namespace))));
    const ofHardware = startKeyLoad(await keyIdOf(hardwareTenant.namespace));
    const before = await Promise.all(loads.map((load) => load.until((soFar) => soFar.done > 0)));
    const selector = 'app.kubernetes.io/component=xki-proxy';
    await kubectl('delete', 'pod', '-n', systemNamespace, '-l', selector, '--now', '--wait=false');
    for (const load of loads) await load.until(({ refusals }) => Object.keys(refusals).length > 0);
    for (const [index, load] of loads.entries()) {
      await load.until((soFar) => soFar.done > (before[index]?.done ?? 0) + 10);
    }
    await Promise.all([...loads, ofHardware].map((load) => load.end()));
    for (const load of loads) expectNothingLost(await load.result());
    const hardwareResult = await ofHardware.result();
    expectNothingLost(hardwareResult);
    expect(hardwareResult.refusals).toEqual({});
    for (const { namespace } of owned) await says('True', /./, 'kkey', 'main', '-n', namespace);
  });

  it.each([
    {
      who: 'an administrator who blocks the instance',
      stop: () => kaap(['xki', 'block', external, '--reason', 'a drill']),
      resume: () => kaap(['xki', 'unblock', external]),
      words: /is blocked by .* a drill/,
      objects: [['kmi', external]],
    },
    {
      who: 'the owner who disables his key',
      stop: () => owner('disable', externalKeyId),
      resume: () => owner('enable', externalKeyId),
      words: /is DISABLED at its owner/,
      objects: [],
    },
  ])('F6: a second after $who, nothing under it can be read', async ({ stop, resume, words, objects }) => {
    const { namespace } = externalTenant;
    const load = startKeyLoad(await keyIdOf(namespace));
    await load.until((soFar) => soFar.done > 0);
    await stop();
    await sleep(1000);
    const secondLater = Date.now();
    try {
      await expect(valueOf(namespace)).rejects.toThrow(/Rejected\.Unavailable/);
      for (const object of [...objects, ['kkey', 'main', '-n', namespace]]) await says('False', words, ...object);
      const { lastSuccess, refusals } = await load.end();
      expect(lastSuccess).toBeLessThan(secondLater);
      expect(refusals).toHaveProperty(['Rejected.Unavailable']);
    } finally {
      await resume();
    }
    expectNothingLost(await load.result());
    await says('True', /./, 'kkey', 'main', '-n', namespace);
    expect(JSON.parse(await valueOf(namespace))).toMatchObject({ user: 'app' });
  });

  it('F2: the PIN is in no argument, environment, log or object but its Secret', async () => {
    const processes = await runIn(
      'hsm',
      `import { readdirSync, readFileSync } from 'node:fs';
       for (const id of readdirSync('/proc').filter((name) => /^\\d+$/.test(name)))
         for (const file of ['cmdline', 'environ'])
           try { process.stdout.write(readFileSync('/proc/' + id + '/' + file, 'latin1')); } catch {}`,
    );
    expect(processes).toContain('hsm-worker');
    expect(processes).not.toContain(pin);
    for (const container of ['hsm-token', 'hsm', 'kms']) {
      expect(await kubectl('logs', '-n', systemNamespace, 'kaap-kms-0', '-c', container)).not.toContain(pin);
    }
    expect(await kubectl('get', 'pod,cm,sts,kmi', '-A', '-o', 'json')).not.toContain(pin);
  });

  it('F3: the socket is for one user, in a folder that only kms and the sidecar mount', async () => {
    const modes = await runIn(
      'kms',
      `import { statSync } from 'node:fs';
       for (const name of ['', '/hsm.sock', '/handshake']) console.log((statSync('/run/kaap-hsm/private' + name).mode & 0o777).toString(8));`,
    );
    expect(modes.trim().split('\n')).toEqual(['700', '600', '600']);
    interface Mounting {
      spec: { initContainers: Mount[]; containers: Mount[] };
    }
    interface Mount {
      name: string;
      volumeMounts: { name: string; mountPath: string }[];
    }
    const pod = await read<Mounting>(['pod', 'kaap-kms-0', '-n', systemNamespace]);
    const mounting = [...(pod?.spec.initContainers ?? []), ...(pod?.spec.containers ?? [])].filter(({ volumeMounts }) =>
      volumeMounts.some(({ name }) => name === 'hsm-socket'),
    );
    expect(mounting.map(({ name }) => name)).toEqual(['hsm', 'kms']);
    const mounts = (name: string): string[] | undefined =>
      [...(pod?.spec.initContainers ?? []), ...(pod?.spec.containers ?? [])]
        .find((container) => container.name === name)
        ?.volumeMounts.filter(({ mountPath }) => mountPath.startsWith('/var/run/secrets'))
        .map((mount) => mount.name);
    expect(mounts('hsm')).toEqual(['hsm-nothing']);
  });

  it.each([
    { kind: 'hsm', seal: `hsm:${hardware}`, settings: [`kms.seal.instance=${hardware}`] },
    {
      kind: 'xki',
      seal: `xki:${external}/${externalKeyId}`,
      settings: [`kms.seal.instance=${external}`, `kms.seal.keyId=${externalKeyId}`],
    },
  ])('F6: with the root key wrapped by $seal, kms restarts and unseals itself', async ({ kind, seal, settings }) => {
    const file = 'file:/etc/kaap/seal/seal.key';
    const before = await valueOf(hardwareTenant.namespace);
    await kaap(['reseal', '--to', seal]);
    const set = (...values: string[]): string[] => values.flatMap((value) => ['--set', value]);
    try {
      await upgrade(...set(`kms.seal.kind=${kind}`, ...settings));
      await kubectl('delete', 'pod', 'kaap-kms-0', '-n', systemNamespace);
      await kubectl('rollout', 'status', 'statefulset/kaap-kms', '-n', systemNamespace, '--timeout=90s');
      expect(await valueOf(hardwareTenant.namespace)).toBe(before);
      // The Secret opens nothing any more.
      const said = await runIn(
        'kms',
        `import { spawnSync } from 'node:child_process';
         const env = { ...process.env, KAAP_SEAL: '${file}' };
         console.log(spawnSync('kaap', ['reseal', '--to', '${file}'], { env, encoding: 'utf8' }).stderr);`,
      );
      expect(said).toContain(`sealed with a ${kind} seal, not a file one`);
    } finally {
      await kaap(['reseal', '--to', file]);
      await upgrade(...set('kms.seal.kind=file', 'kms.seal.instance=', 'kms.seal.keyId='));
    }
    expect(await valueOf(hardwareTenant.namespace)).toBe(before);
  });
});
