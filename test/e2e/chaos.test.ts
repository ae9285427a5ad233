import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { canary } from './canaries.ts';
import { cluster, eventually, kaap, podsOf, printed, systemNamespace } from './installation.ts';
import { podTemplate, subjects, tenantObjects } from './tenant.ts';

const namespace = 'e2e-chaos';
const value = JSON.stringify({ user: 'app', password: canary() });
/** Two minutes; as long as KAAP_CHAOS_SECONDS says. */
const chaosMs = Number(process.env['KAAP_CHAOS_SECONDS'] ?? 120) * 1000;
const faultEveryMs = 15_000;

const kubectl = (...args: string[]): Promise<string> => cluster().kubectl(args);
const kill = (component: string): Promise<string> =>
  kubectl(
    'delete',
    'pod',
    '-n',
    systemNamespace,
    '-l',
    `app.kubernetes.io/component=${component}`,
    '--now',
    '--wait=false',
  );

/** What happens to the installation, one after another, again and again. */
const faults: readonly { name: string; strike: () => Promise<unknown> }[] = [
  { name: 'the webhook is killed', strike: () => kill('webhook') },
  {
    name: 'caBundle is emptied',
    strike: () => {
      const patch = JSON.stringify([{ op: 'remove', path: '/webhooks/0/clientConfig/caBundle' }]);
      return kubectl('patch', 'mutatingwebhookconfiguration', 'kaap', '--type=json', `--patch=${patch}`);
    },
  },
  { name: 'the operator is killed', strike: () => kill('operator') },
  {
    name: 'the serving certificate is replaced',
    strike: async () => {
      await kubectl('delete', 'secret', 'kaap-webhook-cert', '-n', systemNamespace, '--ignore-not-found');
      await kill('webhook');
    },
  },
  { name: 'kms is killed', strike: () => kill('kms') },
  {
    name: 'kms is stopped for a while',
    strike: async () => {
      await kubectl('scale', 'statefulset/kaap-kms', '-n', systemNamespace, '--replicas=0');
      await sleep(8000);
      await kubectl('scale', 'statefulset/kaap-kms', '-n', systemNamespace, '--replicas=1');
    },
  },
];

function pod(name: string, workload: 'bound' | 'unrelated'): object {
  const { metadata, spec } = podTemplate({
    namespace,
    args: workload === 'bound' ? [...subjects] : [],
    restartPolicy: 'Never',
    labels: { workload },
  });
  const labels = workload === 'bound' ? (metadata as { labels: object }).labels : { workload };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels }, spec };
}

interface Stream {
  created: number;
  /** Why bound pods were not created: what somebody who creates one would read. */
  refusals: string[];
  /** Unrelated pods that were not created at once. */
  heldUp: string[];
}

async function createPods(until: () => boolean): Promise<Stream> {
  const stream: Stream = { created: 0, refusals: [], heldUp: [] };
  for (let number = 0; !until(); number += 1) {
    await cluster()
      .apply([pod(`unrelated-${number}`, 'unrelated')])
      .catch((error: unknown) => stream.heldUp.push(String(error)));
    await cluster()
      .apply([pod(`bound-${number}`, 'bound')])
      .then(() => (stream.created += 1))
      .catch((error: unknown) => stream.refusals.push(String(error)));
    await sleep(1500);
  }
  return stream;
}

/** Strikes in turn, and gives how often. */
async function strikeAll(until: () => boolean): Promise<number> {
  let struck = 0;
  for (; !until(); struck += 1) {
    await faults[struck % faults.length]?.strike();
    await sleep(faultEveryMs);
  }
  return struck;
}

describe('A4, A5, A12, C4: while the parts of the installation fail one after another', () => {
  let stream: Stream;
  let struck: number;

  beforeAll(async () => {
    await cluster().apply(tenantObjects({ namespace, method: 'role' }));
    await kaap(['secret', 'put', `${namespace}/db`], value);
    await kubectl('wait', '--for=condition=Ready', 'sbind/db', '-n', namespace, '--timeout=60s');
    const endMs = Date.now() + chaosMs;
    const over = (): boolean => Date.now() > endMs;
    [stream, struck] = await Promise.all([createPods(over), strikeAll(over)]);
  }, chaosMs + 180_000);

  it('every fault has struck, and pods were created all the time', () => {
    expect(struck).toBeGreaterThanOrEqual(faults.length);
    expect(stream.created).toBeGreaterThan(5);
  });

  it('no unrelated pod was held up', async () => {
    expect(stream.heldUp).toEqual([]);
    await eventually(
      async () => {
        const pods = await podsOf(namespace, 'workload=unrelated');
        return pods.every(({ status }) => status.phase === 'Succeeded') ? true : undefined;
      },
      () => 'an unrelated pod did not run',
    );
  });

  it('every bound pod that was created has run with its exact secrets, and none without', async () => {
    await eventually(
      async () => {
        const pods = await podsOf(namespace, 'workload=bound');
        return pods.every(({ status }) => status.phase === 'Succeeded') ? true : undefined;
      },
      async () => {
        const pods = await podsOf(namespace, 'workload=bound');
        return JSON.stringify(pods.filter(({ status }) => status.phase !== 'Succeeded').map(({ status }) => status));
      },
    );
    const pods = await podsOf(namespace, 'workload=bound');
    expect(pods).toHaveLength(stream.created);
    for (const { metadata } of pods) {
      const got = await printed(namespace, metadata.name);
      expect([metadata.name, got.get('/var/run/secrets/kaap/db.json')?.toString()]).toEqual([metadata.name, value]);
      expect(got.get('DB_USER')?.toString()).toBe('app');
    }
  });

  it('a bound pod that was not created was refused with a reason that names what to look at', () => {
    for (const refusal of stream.refusals) expect(refusal).toMatch(/kaap|webhook/i);
    process.stdout.write(
      `${JSON.stringify({ struck, created: stream.created, refused: stream.refusals.length, heldUp: stream.heldUp.length })}\n`,
    );
  });

  it('everything is Ready again', async () => {
    for (const workload of ['deployment/kaap-operator', 'deployment/kaap-webhook', 'statefulset/kaap-kms']) {
      await kubectl('rollout', 'status', workload, '-n', systemNamespace, '--timeout=90s');
    }
    await kubectl('wait', '--for=condition=Ready', 'sbind/db', '-n', namespace, '--timeout=60s');
  });
});
