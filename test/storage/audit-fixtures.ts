import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { AuditEvent } from '../../src/ports/audit-sink.ts';
import { readAuditLines } from '../../src/storage/audit-segments.ts';

const pair = generateKeyPairSync('ed25519');
export const checkpointKey: KeyObject = pair.privateKey;
export const checkpointPublicKey: KeyObject = pair.publicKey;

/** An event with what differs given. */
export function auditEvent(changes: Partial<AuditEvent> = {}): AuditEvent {
  return {
    time: Date.UTC(2026, 0, 1),
    requestId: '7021B6EC-4BE7-4D3C-8A68-1E85D4D515A0',
    product: 'kms',
    action: 'Encrypt',
    protocol: 'ACS3',
    principal: 'acs:ram::1000000000000000:user/ci',
    sourceIp: '10.0.0.7',
    userAgent: 'test/1',
    resources: ['acs:kms:local:1000000000000000:key/one'],
    decision: 'Allow',
    outcome: 'OK',
    ...changes,
  };
}

export async function linesOf(directory: string): Promise<Buffer[]> {
  const lines: Buffer[] = [];
  for await (const line of readAuditLines(directory)) lines.push(line);
  return lines;
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
