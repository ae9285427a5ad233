import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCredentialFile, type RootCredential } from '../cli/connection.ts';
import { CredentialUseTally } from '../gateway/credential-uses.ts';
import type { KmsDependencies } from '../kms/dependencies.ts';
import type { ServiceControl } from '../kms/service-actions.ts';
import { KeyUses } from '../kms/key-uses.ts';
import { OwnChanges } from '../kms/own-changes.ts';
import { SecretConsumers } from '../kms/secret-consumers.ts';
import { messageOf } from '../lib/errors.ts';
import { startHttpServer } from '../lib/http-server.ts';
import type { Store } from '../ports/store.ts';
import { HttpsRotationHook } from '../providers/https-rotation-hook.ts';
import { createAccessKeyIssuer } from '../ram/access-key-issuer.ts';
import { ensureOperatorRole } from '../ram/operator-role.ts';
import { ensureRootAccessKey } from '../ram/root-access-key.ts';
import { orderSeal, readSealOrder, watchSealOrder } from '../storage/seal-order.ts';
import { StoreLease } from '../storage/store-lease.ts';
import { startTombstoneJournal } from '../storage/tombstone-journal.ts';
import { openAuditLog, type AuditLog } from './audit-log.ts';
import { watchInstances } from './instance-watch.ts';
import { createApi, type ApiDependencies, type ApiKms } from './kms-api.ts';
import { openKeyProviders } from './kms-providers.ts';
import { openStoredState, unsealState, type StoredState } from './kms-state.ts';
import { startUpkeep, upkeepLeaseMs } from './kms-upkeep.ts';
import { SealableService, type OpenService } from './sealable-service.ts';
import { leafRenewalMs, openServingAuthority } from './serving-authority.ts';
import { tombstoneBuckets } from './tombstones.ts';

export interface KmsServiceDependencies extends ApiDependencies {
  /** Makes seal key and authority where there are none: for a throw-away or first standalone start. */
  createIfMissing: boolean;
}

/** A running KMS. */
export interface KmsService {
  port: number;
  /** What clients trust. */
  caPem: string;
  /** Folder of the audit log's files. */
  auditDir: string;
  /** PEM of the public key that verifies the audit log's checkpoints. */
  auditPublicKeyPem: string;
  /** Sets the gauges that tell the state. */
  updateGauges(): void;
  /** Why it cannot work now; `undefined` when it can. */
  notReady(): string | undefined;
  /** Serves on for `lingerMs` milliseconds, each answer being the last of its connection. */
  drain(lingerMs: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens the state, bootstraps what a first start needs, and serves the API until closed. */
export async function startKmsService(dependencies: KmsServiceDependencies): Promise<KmsService> {
  const { config, clock, log, createIfMissing } = dependencies;
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  const authority = await openServingAuthority({
    folder: config.caDir ?? config.dataDir,
    createIfMissing: createIfMissing && config.caDir === undefined,
    names: config.servingNames,
    clock,
  });
  const state = await openStoredState(config, log);
  const service = new SealableService({
    ordered: async () => (await readSealOrder(state.store)) !== undefined,
    open: () => openKms(dependencies, state),
    log,
  });
  await service.start();
  const stopFollowing = watchSealOrder(state.store, () => service.follow());
  const server = await startHttpServer({
    address: config.listen,
    certificate: authority.issue(),
    handler: service.handle,
  });
  const renewal = setInterval(() => server.reloadCertificate(authority.issue()), Math.min(leafRenewalMs, 2 ** 31 - 1));
  renewal.unref();
  return {
    port: server.port,
    caPem: authority.caPem,
    auditDir: join(config.dataDir, 'audit'),
    get auditPublicKeyPem() {
      return service.current?.audit.publicKeyPem ?? '';
    },
    updateGauges: () => {
      dependencies.metrics.set('kaap_sealed', service.current === undefined ? 1 : 0);
      const audit = service.current?.audit;
      dependencies.metrics.set('kaap_audit_healthy', audit?.sink.healthy === false ? 0 : 1);
      dependencies.metrics.set('kaap_audit_buffered_records', audit?.sink.buffered ?? 0);
      dependencies.metrics.set('kaap_audit_anchored', audit?.anchored === false ? 0 : 1);
    },
    notReady: () => service.sealedBecause ?? service.current?.notReady(),
    drain: (lingerMs) => server.drain(lingerMs),
    close: async () => {
      clearInterval(renewal);
      stopFollowing();
      service.windDown();
      await server.close();
      await service.close();
      await state.store.close();
    },
  };
}

/** What works while the service is unsealed. */
interface OpenKms extends OpenService {
  audit: AuditLog;
  notReady(): string | undefined;
}

async function openKms(dependencies: KmsServiceDependencies, state: StoredState): Promise<OpenKms> {
  const { config, clock, log } = dependencies;
  const unsealed = await unsealState(state, dependencies);
  const { barrier } = unsealed;
  const made = await bootstrap(dependencies, barrier);
  const checkpointKey = barrier.deriveSigningKey('audit-checkpoint');
  const audit = await openAuditLog({ config, checkpointKey, clock, log });
  const ownChanges = new OwnChanges({ audit: audit.sink, clock, random: randomBytes });
  for (const resource of made) ownChanges.note('CreateAccessKey', [resource]);
  const notReady = (): string | undefined => (audit.sink.accepts ? undefined : 'The audit log cannot be written.');
  const closing = new AbortController();
  const { providers, close: closeProviders } = openKeyProviders({ ...dependencies, ...config, random: randomBytes });
  const kms = kmsDependencies(dependencies, { store: barrier, providers, ownChanges, closing: closing.signal });
  const stopWatching = watchInstances(kms, dependencies);
  const lease = { store: barrier, name: 'upkeep', holder: config.replica, clock, durationMs: upkeepLeaseMs };
  const stopUpkeep = startUpkeep({ ...kms, ownChanges, notReady }, new StoreLease(lease), log);
  const stopJournal = await startTombstoneJournal({
    path: config.tombstoneJournal ?? join(config.dataDir, 'tombstones.jsonl'),
    buckets: tombstoneBuckets,
    store: barrier,
    log,
  });
  const control: ServiceControl = {
    rotateRoot: () => barrier.rotateRoot(),
    rotateStorageKey: () => barrier.rotate(),
    seal: () => orderSeal(state.store, clock.now()),
  };
  return {
    handle: createApi(dependencies, kms, { ...unsealed, audit: audit.sink, control, notReady }),
    audit,
    notReady,
    windDown: () => closing.abort(),
    close: async (sealing) => {
      await stopUpkeep();
      await stopWatching();
      await stopJournal();
      if (sealing) ownChanges.note('Sealed', [`replica/${config.replica}`]);
      await ownChanges.settle().catch((error: unknown) => {
        log.error({ error: messageOf(error) }, 'the audit log did not take the last changes');
      });
      await closeProviders();
      await audit.close();
      await unsealed.close();
    },
  };
}

function kmsDependencies(
  { config, clock }: KmsServiceDependencies,
  parts: Pick<KmsDependencies, 'store' | 'providers' | 'ownChanges' | 'closing'>,
): ApiKms {
  const { store } = parts;
  const { region, accountId, instances, rotationHook } = config;
  return {
    ...parts,
    uses: new KeyUses(store),
    consumers: new SecretConsumers({ store, region, accountId }),
    credentialUses: new CredentialUseTally({ store, clock }),
    clock,
    random: randomBytes,
    region,
    accountId,
    instances,
    accessKeys: createAccessKeyIssuer(clock, randomBytes),
    ...(rotationHook !== undefined && { rotationHook: new HttpsRotationHook({ ...rotationHook, clock }) }),
  };
}

/**
 * What a first start needs: the account's access key in a file, and the role of the operator. Gives the ARN of whom an
 * access key was made for.
 */
async function bootstrap({ config, clock, log }: KmsServiceDependencies, store: Store): Promise<string[]> {
  const made = await ensureRootAccessKey(store, { now: clock.now(), random: randomBytes });
  if (made !== undefined) {
    const file = join(config.dataDir, rootCredentialFile);
    const credential: RootCredential = {
      AccessKeyId: made.accessKeyId,
      AccessKeySecret: made.secret.reveal().toString('utf8'),
    };
    await writeFile(file, `${JSON.stringify(credential, null, 2)}\n`, { mode: 0o600 });
    log.info({ file }, 'wrote the access key of the account root; keep it safe or delete it once others exist');
  }
  const [namespace, serviceAccount] = config.operatorServiceAccount?.split(':') ?? [];
  const { accountId, oidcProvider: provider } = config;
  if (namespace !== undefined && serviceAccount !== undefined) {
    await ensureOperatorRole(store, { accountId, provider, namespace, serviceAccount }, randomBytes);
  }
  return made === undefined ? [] : [`acs:ram::${accountId}:root`];
}
