import { createPublicKey, type KeyObject } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checkpoint } from '../crypto/record-chain.ts';
import { openConfigMapAnchor } from '../kube/config-map-anchor.ts';
import { KubeClient } from '../kube/kube-client.ts';
import { loadKubeConnection } from '../kube/kube-config.ts';
import { createTransport } from '../kube/transport.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { AuditAnchor } from '../ports/audit-anchor.ts';
import { openAuditFileSink, type AuditFileSink } from '../storage/audit-file-sink.ts';
import { openFileAnchor } from '../storage/file-anchor.ts';
import type { AuditConfig } from './audit-config.ts';

export interface AuditLogOptions {
  config: { readonly audit: AuditConfig; readonly dataDir: string; readonly replica: string };
  checkpointKey: KeyObject;
  clock: Clock;
  log: Logger;
}

/** The audit log of this replica with what keeps its head outside. */
export interface AuditLog {
  readonly sink: AuditFileSink;
  readonly publicKeyPem: string;
  /** Whether every anchor took the last checkpoint. */
  readonly anchored: boolean;
  /** Makes everything durable that the log has taken, and anchors its head. */
  close(): Promise<void>;
}

/** Opens the log and its anchors. Throws AuditLogDamagedError when it lacks what one of them names. */
export async function openAuditLog({ config, checkpointKey, clock, log }: AuditLogOptions): Promise<AuditLog> {
  const { audit, dataDir } = config;
  const publicKeyPem = createPublicKey(checkpointKey).export({ type: 'spki', format: 'pem' });
  await writeFile(join(dataDir, 'audit-checkpoint.pem'), publicKeyPem);
  const anchors = [await openFileAnchor(audit.anchorFile ?? join(dataDir, 'audit-anchor.json'))];
  if (audit.anchorConfigMap !== undefined) {
    anchors.push(await openInCluster({ ...audit.anchorConfigMap, key: config.replica }, log));
  }
  const anchored = latest(anchors);
  const sink = await openAuditFileSink({
    directory: join(dataDir, 'audit'),
    checkpointKey,
    anchor: (checkpoint) => {
      for (const { anchor } of anchors) anchor(checkpoint);
    },
    ...(anchored === undefined ? {} : { anchored }),
    buffer: audit.buffer,
    clock,
    log,
  });
  return {
    sink,
    publicKeyPem,
    get anchored() {
      return anchors.every(({ healthy }) => healthy);
    },
    close: async () => {
      await sink.close();
      for (const anchor of anchors) await flush(anchor, log);
    },
  };
}

async function openInCluster(at: { namespace: string; name: string; key: string }, log: Logger): Promise<AuditAnchor> {
  const connection = await loadKubeConnection({ env: process.env });
  const client = new KubeClient(createTransport(connection, { userAgent: 'kaap-kms' }));
  return openConfigMapAnchor({ ...at, client, log });
}

/** The furthest of what the anchors keep: each stands for a log that was that long at least. */
function latest(anchors: readonly AuditAnchor[]): Checkpoint | undefined {
  const kept = anchors.flatMap(({ last }) => last ?? []);
  return kept.toSorted((one, other) => other.seq - one.seq)[0];
}

/** The log is whole without its anchor: an end that nobody anchored keeps no process from ending. */
async function flush(anchor: AuditAnchor, log: Logger): Promise<void> {
  try {
    await anchor.flush();
  } catch (error) {
    log.error({ error: messageOf(error) }, 'the last head of the audit log could not be anchored');
  }
}
