import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MemoryStore } from '../src/storage/memory-store.ts';
import type { Store } from '../src/ports/store.ts';
import type { AuditEvent } from '../src/ports/audit-sink.ts';
import { openAuditFileSink } from '../src/storage/audit-file-sink.ts';
import { openBarrier } from '../src/storage/barrier.ts';
import type { Seal } from '../src/ports/seal.ts';
import { openSqliteStore } from '../src/storage/sqlite-store.ts';
import { setting } from './load/setting.ts';

/**
 * Throughput of stores and audit log, each beside a baseline of the same run on the same disk: appends of the same bytes
 * with an fdatasync per group. Run in a directory on the disk that is to be measured: `node bench/storage.ts [directory]`.
 */

const callers = 64;
const seconds = setting('BENCH_SECONDS', 3);

interface Figure {
  name: string;
  perSecond: number;
}

/** Lets 64 callers call one after another for some seconds. */
async function measure(name: string, call: (caller: number, round: number) => Promise<unknown>): Promise<Figure> {
  const end = performance.now() + seconds * 1000;
  const start = performance.now();
  let calls = 0;
  const run = async (caller: number): Promise<void> => {
    for (let round = 0; performance.now() < end; round += 1) {
      await call(caller, round);
      calls += 1;
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, caller) => run(caller)));
  return { name, perSecond: calls / ((performance.now() - start) / 1000) };
}

/** One write of 64 records and one fdatasync at a time: what the disk gives to any log with 64 callers. */
async function measureBaseline(directory: string, recordBytes: number): Promise<Figure> {
  const file = await open(join(directory, 'baseline.log'), 'w');
  const group = Buffer.alloc(recordBytes * callers, 65);
  const end = performance.now() + seconds * 1000;
  const start = performance.now();
  let records = 0;
  let position = 0;
  for (; performance.now() < end; records += callers) {
    await file.write(group, 0, group.length, position);
    await file.datasync();
    position += group.length;
  }
  await file.close();
  return { name: 'plain append, fdatasync per 64', perSecond: records / ((performance.now() - start) / 1000) };
}

const event: AuditEvent = {
  time: Date.now(),
  requestId: '7021B6EC-4BE7-4D3C-8A68-1E85D4D515A0',
  product: 'kms',
  action: 'Encrypt',
  protocol: 'ACS3-HMAC-SHA256',
  principal: 'acs:ram::1000000000000000:assumed-role/shop-web/7f5c9d',
  accessKeyId: 'STS.NUg4xQxkq8ZcYFfCCnjMrMpDL',
  pod: { namespace: 'shop', serviceAccount: 'web', name: 'web-7d9c4b5f6-x2k8p' },
  sourceIp: '10.244.3.17',
  userAgent: 'kaap-agent/0.1.0',
  resources: ['acs:kms:local:1000000000000000:key/key-hzz65a1b2c3d4e5f6a7b8'],
  decision: 'Allow',
  decidedBy: 'RbacPolicy/shop-web template CryptoServiceKeyUser',
  outcome: 'OK',
};

/** Bytes of one line of the log: the event, and what the chain adds. */
const recordBytes = JSON.stringify(event).length + 220;

async function measureAudit(directory: string): Promise<Figure> {
  const checkpointKey = generateKeyPairSync('ed25519').privateKey;
  const sink = await openAuditFileSink({ directory: join(directory, 'audit'), checkpointKey });
  const figure = await measure('audit append, 64 callers', () => sink.append(event));
  await sink.close();
  return figure;
}

const seal: Seal = {
  kind: 'bench',
  wrap: (rootKey) => Promise.resolve(Buffer.from(rootKey)),
  unwrap: (wrapped) => Promise.resolve(Buffer.from(wrapped)),
};

async function measureStore(name: string, store: Store): Promise<Figure[]> {
  const value = Buffer.alloc(300, 1);
  const write = (caller: number, round: number): Promise<void> =>
    store.transact((transaction) => transaction.put('bench', `${caller}-${round % 100}`, value));
  const read = async (caller: number): Promise<void> => {
    await store.get('bench', `${caller}-0`);
    // Lets the event loop turn, as requests do.
    if (caller === 0) await new Promise((resolve) => setImmediate(resolve));
  };
  const figures = [await measure(`${name}: put`, write), await measure(`${name}: get`, read)];
  await store.close();
  return figures;
}

async function main(parent: string): Promise<void> {
  const directory = await mkdtemp(join(parent, 'kaap-bench-'));
  try {
    const before = await measureBaseline(directory, recordBytes);
    const audit = await measureAudit(directory);
    const after = await measureBaseline(directory, recordBytes);
    const baseline = { ...before, perSecond: (before.perSecond + after.perSecond) / 2 };
    const barrier = await openBarrier(openSqliteStore(join(directory, 'b.db')), seal, { createIfMissing: true });
    const figures = [
      baseline,
      audit,
      ...(await measureStore('SQLite', openSqliteStore(join(directory, 'a.db')))),
      ...(await measureStore('barrier over SQLite', barrier)),
      ...(await measureStore('memory', new MemoryStore())),
    ];
    for (const { name, perSecond } of figures) {
      const ratio = (perSecond / baseline.perSecond).toFixed(2);
      process.stdout.write(`${name.padEnd(32)} ${perSecond.toFixed(0).padStart(9)}/s  ${ratio} x baseline\n`);
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

await main(process.argv[2] ?? '.');
