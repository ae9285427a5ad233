import { z } from 'zod';
import { ConfigError } from '../lib/config.ts';
import type { AuditBuffer } from '../storage/audit-queue.ts';

/** How the audit log is kept. */
export interface AuditConfig {
  /** What keeps answers going while its disk is full; without it requests are refused then. */
  readonly buffer: AuditBuffer | undefined;
  /** File that keeps the head of the log, best on another disk; `audit-anchor.json` in the data folder without it. */
  readonly anchorFile: string | undefined;
  /** ConfigMap of the cluster that keeps the head too, under the name of the replica. It has to be there. */
  readonly anchorConfigMap: { readonly namespace: string; readonly name: string } | undefined;
}

/** An audit log that refuses requests when it cannot be written, and has its anchor beside it. */
export const plainAudit: AuditConfig = { buffer: undefined, anchorFile: undefined, anchorConfigMap: undefined };

/** What the variables say. */
export interface AuditSettings {
  readonly KAAP_AUDIT_ANCHOR?: string | undefined;
  readonly KAAP_AUDIT_ANCHOR_CONFIGMAP?: string | undefined;
  readonly KAAP_AUDIT_WHEN_FULL: 'refuse' | 'buffer';
  readonly KAAP_AUDIT_BUFFER_BYTES: number;
}

const minBufferBytes = 64 * 1024;
const maxBufferBytes = 256 * 1024 * 1024;
const bufferFault = `write bytes, ${minBufferBytes} to ${maxBufferBytes}`;

/** Variables of the audit log. */
export const auditVariables: { readonly [K in keyof AuditSettings]-?: z.ZodType<AuditSettings[K]> } = {
  KAAP_AUDIT_ANCHOR: z.string().optional(),
  KAAP_AUDIT_ANCHOR_CONFIGMAP: z.string().optional(),
  KAAP_AUDIT_WHEN_FULL: z.enum(['refuse', 'buffer'], { error: 'write refuse or buffer' }).default('refuse'),
  KAAP_AUDIT_BUFFER_BYTES: z.coerce
    .number({ error: bufferFault })
    .int(bufferFault)
    .min(minBufferBytes, bufferFault)
    .max(maxBufferBytes, bufferFault)
    .default(16 * 1024 * 1024),
};

/** Reads {@link AuditConfig}. Throws ConfigError when the ConfigMap is named wrongly. */
export function readAuditSettings(given: AuditSettings): AuditConfig {
  const { KAAP_AUDIT_WHEN_FULL: whenFull, KAAP_AUDIT_ANCHOR_CONFIGMAP: configMap } = given;
  return {
    buffer: whenFull === 'buffer' ? { maxBytes: given.KAAP_AUDIT_BUFFER_BYTES } : undefined,
    anchorFile: given.KAAP_AUDIT_ANCHOR,
    anchorConfigMap: configMap === undefined ? undefined : namespacedName(configMap),
  };
}

function namespacedName(text: string): { namespace: string; name: string } {
  const [, namespace, name] = /^([a-z0-9-]+)\/([a-z0-9.-]+)$/.exec(text) ?? [];
  if (namespace === undefined || name === undefined) {
    throw new ConfigError('KAAP_AUDIT_ANCHOR_CONFIGMAP must be <namespace>/<name>.');
  }
  return { namespace, name };
}
