import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { sharedScope, type KmsDependencies } from '../../src/kms/dependencies.ts';
import { addVersion, newKeyId } from '../../src/kms/key-creation.ts';
import { KeyUses } from '../../src/kms/key-uses.ts';
import type { KeyRecord } from '../../src/kms/records/key.ts';
import { secretTable } from '../../src/kms/records/secret.ts';
import {
  secretVersionKey,
  secretVersionTable,
  type SecretVersionRecord,
} from '../../src/kms/records/secret-version.ts';
import { SecretConsumers } from '../../src/kms/secret-consumers.ts';
import { sealSecretValue } from '../../src/kms/secret-value.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { KeyMaterial } from '../../src/ports/key-provider.ts';
import { SoftwareProvider } from '../../src/providers/software-provider.ts';
import { openBarrier } from '../../src/storage/barrier.ts';
import { openFileSeal } from '../../src/storage/file-seal.ts';
import { openSqliteStore } from '../../src/storage/sqlite-store.ts';

const accountId = '1000000000000000';
const perTransaction = 500;

/** Ids and names of what was made. */
export interface Population {
  keyIds: string[];
  secretNames: string[];
}

/** Makes that many keys, and as many secrets under the first of them, in a new store. */
export async function populate(folder: string, sealFile: string, count: number): Promise<Population> {
  const seal = await openFileSeal(sealFile, { createIfMissing: true });
  const store = await openBarrier(openSqliteStore(join(folder, 'kaap.db')), seal, { createIfMissing: true });
  const home = { region: 'local', accountId };
  const dependencies: KmsDependencies = {
    ...home,
    store,
    providers: { software: new SoftwareProvider({ random: randomBytes }) },
    uses: new KeyUses(store),
    // Nothing here happens by itself.
    ownChanges: { note: () => undefined },
    consumers: new SecretConsumers({ ...home, store }),
    clock: systemClock,
    random: randomBytes,
    instances: [],
  };
  const keyIds: string[] = [];
  for (let made = 0; made < count; made += perTransaction) {
    keyIds.push(...(await addKeys(dependencies, Math.min(perTransaction, count - made))));
  }
  const secretNames = Array.from({ length: count }, (_, index) => `team-${index % 50}/secret-${index}`);
  for (let made = 0; made < count; made += perTransaction) {
    await addSecrets(dependencies, secretNames.slice(made, made + perTransaction), keyIds[0] ?? '');
  }
  await store.close();
  return { keyIds, secretNames };
}

async function addKeys(dependencies: KmsDependencies, count: number): Promise<string[]> {
  const provider = dependencies.providers.software;
  if (provider === undefined) return [];
  const materials: KeyMaterial[] = [];
  for (let index = 0; index < count; index += 1) materials.push(await provider.generate('Aliyun_AES_256'));
  return dependencies.store.transact(async (transaction) => {
    const keyIds: string[] = [];
    for (const material of materials) {
      const key = newKey(dependencies);
      await addVersion(transaction, key, material, key.createTime);
      keyIds.push(key.keyId);
    }
    return keyIds;
  });
}

function newKey(dependencies: KmsDependencies): KeyRecord {
  return {
    keyId: newKeyId(dependencies, sharedScope),
    scope: sharedScope,
    provider: 'software',
    keySpec: 'Aliyun_AES_256',
    keyUsage: 'ENCRYPT/DECRYPT',
    origin: 'Aliyun_KMS',
    protectionLevel: 'SOFTWARE',
    state: 'Enabled',
    description: '',
    creator: accountId,
    createTime: dependencies.clock.now(),
    versions: [],
    tags: {},
  };
}

async function addSecrets(
  dependencies: KmsDependencies,
  names: readonly string[],
  encryptionKeyId: string,
): Promise<void> {
  const owner = { scope: sharedScope, encryptionKeyId };
  const value = { data: 'x'.repeat(64), dataType: 'text' } as const;
  const sealed: { name: string; version: SecretVersionRecord }[] = [];
  for (const name of names) {
    const versionName = { name, versionId: 'v1' };
    sealed.push({ name, version: await sealSecretValue(dependencies, owner, versionName, value) });
  }
  const now = dependencies.clock.now();
  await dependencies.store.transact(async (transaction) => {
    for (const { name, version } of sealed) {
      await secretVersionTable.put(transaction, secretVersionKey(name, 'v1'), version);
      await secretTable.put(transaction, name, {
        ...owner,
        name,
        secretId: randomBytes(8).toString('hex'),
        secretType: 'Generic',
        description: '',
        createTime: now,
        updateTime: now,
        versions: [{ id: 'v1', createTime: now, stages: ['ACSCurrent'] }],
        tags: {},
      });
    }
  });
}
