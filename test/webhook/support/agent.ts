import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { SecretBytes } from '../../../src/lib/secret-bytes.ts';
import type { AgentBinding, AgentConfig, AgentSource } from '../../../webhook/agent/agent-config.ts';
import type { AgentLog, SecretReader } from '../../../webhook/agent/source-value.ts';

/** A folder that is gone when the test is over. */
export function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kaap-agent-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function anAgentBinding(part: Partial<AgentBinding> = {}): AgentBinding {
  return {
    name: 'db',
    accessPoint: 'shop',
    identity: {
      method: 'ServiceAccountRole',
      roleArn: 'acs:ram::1000000000000000:role/shop',
      oidcProviderArn: 'acs:ram::1000000000000000:oidc-provider/kubernetes',
      tokenFile: '/kaap/token/shop',
      sessionName: 'shop.web',
    },
    sources: [{ name: 'db', secretName: 'shop/db' }],
    env: [{ name: 'DB_PASSWORD', source: 'db', field: 'password' }],
    files: [],
    ...part,
  };
}

/** A configuration whose files are in `folder`. */
export function anAgentConfig(folder: string, bindings: AgentBinding[] = [anAgentBinding()]): AgentConfig {
  return {
    version: 1,
    endpoint: 'https://kms.example:8443',
    caPem: 'certificates',
    region: 'local',
    accountId: '1000000000000000',
    bindings,
    envFile: join(folder, 'env', 'env'),
    readyFile: join(folder, 'env', '.ready'),
  };
}

/** The id of the version that has a value, with {@link aReader}. */
export function versionIdOf(value: string | Buffer): string {
  return createHash('sha256').update(value).digest('hex');
}

/** Gives what `read` gives for a source: text, bytes, or an error to reject with. */
export function aReader(read: (source: AgentSource) => string | Buffer | Error): SecretReader {
  return {
    read: async (source) => {
      const value = read(source);
      if (value instanceof Error) throw value;
      const bytes = new SecretBytes(Buffer.from(value as string));
      return 'secretName' in source ? { bytes, versionId: versionIdOf(value) } : { bytes };
    },
    answer: async ({ secretName, versionStage = 'ACSCurrent', versionId = 'v1' }) => {
      const value = read({ name: '', secretName, versionStage, versionId });
      if (value instanceof Error) throw value;
      return {
        SecretName: secretName,
        VersionId: versionId,
        VersionStages: { VersionStage: [versionStage] },
        SecretData: Buffer.isBuffer(value) ? value.toString('base64') : value,
        SecretDataType: Buffer.isBuffer(value) ? 'binary' : 'text',
        CreateTime: '2026-01-02T03:04:05Z',
      };
    },
    close: () => undefined,
  };
}

/** Remembers what was logged. */
export function aLog(): AgentLog & { lines: string[] } {
  const lines: string[] = [];
  const write = (fields: object, message: string): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
  return { lines, info: write, warn: write };
}
