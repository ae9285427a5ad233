import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { SecretConsumers } from '../../src/kms/secret-consumers.ts';
import { secretConsumersTable } from '../../src/kms/records/secret-consumers.ts';
import { secretTable, type SecretRecord } from '../../src/kms/records/secret.ts';
import { identityOf, maxConsumers, mergeReads, noReads } from '../../src/kms/secret-tally.ts';
import type { AuditEvent } from '../../src/ports/audit-sink.ts';
import { account, arn, KmsScene } from './kms-scene.ts';

const begin = Date.UTC(2026, 0, 1);
const home = { region: 'local', accountId: account };

function read(consumer: string, time: number, more: Partial<AuditEvent> = {}): AuditEvent {
  return {
    time,
    requestId: 'r',
    product: 'Kms',
    action: 'GetSecretValue',
    protocol: 'ACS3',
    principal: `acs:ram::${account}:assumed-role/shop/${consumer}`,
    pod: { namespace: 'shop', serviceAccount: 'web', name: consumer, uid: `uid-${consumer}` },
    sourceIp: '10.0.0.1',
    resources: [arn('secret/shop/db'), arn('key/one')],
    decision: 'Allow',
    outcome: 'OK',
    ...more,
  };
}

let kms: KmsScene;
beforeEach(async () => {
  kms = new KmsScene();
  await kms.call('CreateSecret', { SecretName: 'shop/db', SecretData: 'one', VersionId: 'v1' });
});

const replica = (options = {}): SecretConsumers => new SecretConsumers({ ...home, store: kms.store, ...options });
const secret = async (name = 'shop/db'): Promise<SecretRecord> => (await secretTable.get(kms.store, name))!;
const ask = (): Promise<Record<string, unknown>> => kms.call('ListSecretConsumers', { SecretName: 'shop/db' });

describe('ListSecretConsumers', () => {
  it('says who read the secret, how often, and the last time, also before anything is stored', async () => {
    await kms.dependencies.consumers.begin(begin - 5_000);
    kms.dependencies.consumers.note(read('web-1', begin + 1_000));
    kms.dependencies.consumers.note(read('web-1', begin + 3_000));
    const principal = `acs:ram::${account}:user/ci`;
    const { pod: _pod, ...byUser } = read('', begin + 2_000, { principal });
    kms.dependencies.consumers.note(byUser);
    expect(await ask()).toEqual({
      SecretName: 'shop/db',
      ObservedSince: '2026-01-01T00:00:00Z',
      LastUsedTime: '2026-01-01T00:00:03Z',
      ReadCount: 3,
      Complete: true,
      DroppedConsumers: 0,
      Consumers: {
        Consumer: [
          {
            Principal: `acs:ram::${account}:assumed-role/shop/web-1`,
            Namespace: 'shop',
            ServiceAccount: 'web',
            PodName: 'web-1',
            FirstUsedTime: '2026-01-01T00:00:01Z',
            LastUsedTime: '2026-01-01T00:00:03Z',
            ReadCount: 2,
          },
          expect.objectContaining({ Principal: principal, Namespace: '', PodName: '', ReadCount: 1 }),
        ],
      },
    });
    expect(await kms.access('ListSecretConsumers', { SecretName: 'shop/db' })).toEqual([
      `kms:ListSecretConsumers on ${arn('secret/shop/db')}`,
    ]);
  });

  it('says that nobody has read it, and since when that is known', async () => {
    await kms.dependencies.consumers.begin(begin + 60_000);
    expect(await ask()).toMatchObject({
      ObservedSince: '2026-01-01T00:01:00Z',
      LastUsedTime: '',
      ReadCount: 0,
      Consumers: { Consumer: [] },
    });
    expect(await kms.failure('ListSecretConsumers', { SecretName: 'shop/none' })).toContain(
      'Forbidden.ResourceNotFound',
    );
  });
});

describe('the readers of a secret', () => {
  it.each([
    ['refused', { outcome: 'Forbidden.NoPermission' }],
    ['dry', { dryRun: true as const }],
    ['about something else', { action: 'DescribeSecret' }],
  ])('are not those whose call was %s', async (_what, more) => {
    const consumers = replica();
    consumers.note(read('web-1', begin, more));
    expect((await consumers.of(await secret(), begin)).count).toBe(0);
  });

  it('cost no write until they are flushed, and then one for all reads', async () => {
    let writes = 0;
    kms.store.watch(() => (writes += 1));
    const consumers = replica();
    for (let index = 0; index < 500; index += 1) consumers.note(read(`web-${index % 7}`, begin + index));
    expect(writes).toBe(0);
    await consumers.flush();
    expect(writes).toBe(1);
    await consumers.flush();
    expect(writes).toBe(1);
    expect((await replica().of(await secret(), begin)).count).toBe(500);
  });

  it('of several replicas are merged, flushed at the same time or not', async () => {
    const replicas = [replica(), replica(), replica()];
    replicas.forEach((each, index) => each.note(read('web-1', begin + index)));
    replicas.forEach((each, index) => each.note(read(`own-${index}`, begin + index)));
    await Promise.all(replicas.map((each) => each.flush()));
    const { count, lastTime, consumers } = await replica().of(await secret(), begin);
    expect([count, lastTime, consumers.length]).toEqual([6, begin + 2, 4]);
  });

  it('stay counted when they cannot be stored', async () => {
    const consumers = replica();
    consumers.note(read('web-1', begin));
    const refused = vi.spyOn(kms.store, 'transact').mockRejectedValue(new Error('away'));
    await expect(consumers.flush()).rejects.toThrow('away');
    refused.mockRestore();
    consumers.note(read('web-1', begin + 1));
    await consumers.flush();
    expect((await replica().of(await secret(), begin)).count).toBe(2);
  });

  it('are not those of an earlier secret of the same name', async () => {
    const consumers = replica();
    consumers.note(read('web-1', begin));
    await consumers.flush();
    consumers.note(read('web-2', begin + 1));
    kms.clock.advance(1_000);
    await kms.call('DeleteSecret', { SecretName: 'shop/db', ForceDeleteWithoutRecovery: 'true' });
    expect(await secretConsumersTable.get(kms.store, 'shop/db')).toBeUndefined();
    await kms.call('CreateSecret', { SecretName: 'shop/db', SecretData: 'one', VersionId: 'v1' });
    await consumers.flush();
    expect((await consumers.of(await secret(), begin)).count).toBe(0);
  });

  it('of names that are no secrets leave nothing behind', async () => {
    const consumers = replica();
    consumers.note(read('web-1', begin, { action: 'BatchGetSecretValue', resources: [arn('secret/none')] }));
    await consumers.flush();
    expect(await secretConsumersTable.all(kms.store)).toEqual([]);
  });

  it('that could not be counted make the answer incomplete, after a restart too', async () => {
    const consumers = replica({ maxSecrets: 1 });
    consumers.note(read('web-1', begin, { resources: [arn('secret/another')] }));
    consumers.note(read('web-1', begin + 1));
    expect((await consumers.of(await secret(), begin)).complete).toBe(false);
    await consumers.flush();
    expect((await replica().of(await secret(), begin)).complete).toBe(false);
  });
});

describe('merged reads', () => {
  const reads = fc.array(fc.tuple(fc.integer({ min: 0, max: 90 }), fc.integer({ min: 0, max: 1_000 })), {
    maxLength: 200,
  });
  const one = ([consumer, time]: readonly [number, number]): typeof noReads => {
    const { principal } = read(`web-${consumer}`, time);
    return {
      ...noReads,
      count: 1,
      lastTime: time,
      consumers: [{ principal, firstTime: time, lastTime: time, count: 1 }],
    };
  };

  it('keep every read in the count and the 64 that read last, in whatever parts and order they are merged', () => {
    fc.assert(
      fc.property(reads, fc.array(fc.nat(3), { minLength: 200, maxLength: 200 }), (all, parts) => {
        const replicas = [noReads, noReads, noReads, noReads];
        all.forEach((each, index) => {
          const part = parts[index] ?? 0;
          replicas[part] = mergeReads(replicas[part] ?? noReads, one(each));
        });
        const merged = replicas.reduce((left, right) => mergeReads(left, right));
        const last = new Map<number, number>();
        for (const [consumer, time] of all) last.set(consumer, Math.max(last.get(consumer) ?? 0, time));
        const times = [...last.values()].toSorted((left, right) => right - left);
        expect(merged.count).toBe(all.length);
        expect(merged.consumers.map(({ lastTime }) => lastTime)).toEqual(times.slice(0, maxConsumers));
        expect(new Set(merged.consumers.map(identityOf)).size).toBe(merged.consumers.length);
        if (last.size > maxConsumers) expect(merged.dropped).toBeGreaterThan(0);
        else
          expect([merged.dropped, merged.consumers.reduce((sum, { count }) => sum + count, 0)]).toEqual([
            0,
            all.length,
          ]);
      }),
    );
  });
});
