import { beforeEach, describe, expect, test } from 'vitest';
import { CredentialUseTally } from '../../src/gateway/credential-uses.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import type { AuditEvent } from '../../src/ports/audit-sink.ts';
import { MemoryStore } from '../../src/storage/memory-store.ts';

let clock: ManualClock;
let store: MemoryStore;
let writes: number;

beforeEach(() => {
  clock = new ManualClock(Date.UTC(2026, 0, 1));
  store = new MemoryStore();
  writes = 0;
  store.watch(() => (writes += 1));
});

const replica = (maxCredentials?: number): CredentialUseTally =>
  new CredentialUseTally({ store, clock, ...(maxCredentials !== undefined && { maxCredentials }) });

const use = (accessKeyId: string, time = clock.now(), principal = 'acs:ram::1:user/ci'): AuditEvent => ({
  time,
  requestId: 'r',
  product: 'Kms',
  action: 'ListKeys',
  protocol: 'acs3',
  principal,
  accessKeyId,
  sourceIp: '10.0.0.1',
  resources: [],
  decision: 'Deny',
  outcome: 'Forbidden.NoPermission',
});

describe('uses of credentials', () => {
  test('are known at once where they were noted, and everywhere once they are stored', async () => {
    const [here, there] = [replica(), replica()];
    expect(await here.lastUse('KAK1')).toBeUndefined();
    here.note(use('KAK1'));
    expect(await here.lastUse('KAK1')).toBe(clock.now());
    expect(await there.lastUse('KAK1')).toBeUndefined();
    await here.flush();
    expect(await there.lastUse('KAK1')).toBe(clock.now());
  });

  test('cost one write for any number of requests, and a credential at most one in five minutes', async () => {
    const here = replica();
    for (let second = 0; second < 300; second += 1) {
      here.note(use('KAK1'));
      here.note(use('KAAP.1'));
      if (second % 60 === 0) await here.flush();
      clock.advance(1000);
    }
    expect(writes).toBe(1);
    await here.flush();
    expect(writes).toBe(2);
    expect(await replica().lastUse('KAK1')).toBe(clock.now() - 1000);
  });

  test('are all stored when the process ends', async () => {
    const here = replica();
    here.note(use('KAK1'));
    await here.flush();
    clock.advance(1000);
    here.note(use('KAK1'));
    await here.flush({ all: true });
    expect(await replica().lastUse('KAK1')).toBe(clock.now());
  });

  test('never go back: the latest of all replicas stays', async () => {
    const [here, there] = [replica(), replica()];
    const early = clock.now();
    here.note(use('KAK1', early));
    there.note(use('KAK1', early + 5000));
    await there.flush();
    await here.flush();
    expect(await here.lastUse('KAK1')).toBe(early + 5000);
  });

  test('of requests whose signature was wrong, of nobody, and of sessions do not count', async () => {
    const here = replica();
    here.note(use('KAK1', clock.now(), 'anonymous'));
    here.note(use('STS.1'));
    const { accessKeyId: _id, ...unsigned } = use('KAK2');
    here.note(unsigned);
    await here.flush();
    expect(writes).toBe(0);
    expect(await here.lastUse('KAK1')).toBeUndefined();
    expect(await here.lastUse('STS.1')).toBeUndefined();
  });

  test('are held for so many credentials and no more', async () => {
    const here = replica(2);
    for (const id of ['A', 'B', 'C', 'A']) here.note(use(id));
    expect(await here.lastUse('C')).toBeUndefined();
    await here.flush();
    here.note(use('C'));
    expect(await here.lastUse('C')).toBe(clock.now());
  });

  test('that could not be stored stay noted', async () => {
    const here = replica();
    here.note(use('KAK1'));
    const transact = store.transact.bind(store);
    store.transact = () => Promise.reject(new Error('down'));
    await expect(here.flush()).rejects.toThrow('down');
    store.transact = transact;
    await here.flush();
    expect(await replica().lastUse('KAK1')).toBe(clock.now());
  });
});
