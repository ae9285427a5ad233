import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { systemClock } from '../lib/clock.ts';
import { parseListenAddress, readConfig } from '../lib/config.ts';
import { startHealthServer } from '../lib/health-server.ts';
import { createLogger } from '../lib/log.ts';
import { createMetrics } from '../lib/metrics.ts';
import { aborted, shutdownSignal } from '../lib/signals.ts';
import { HsmClient } from '../providers/pkcs11-client.ts';
import { openAuditFileSink } from '../storage/audit-file-sink.ts';
import { readSealKey } from '../storage/xki-key-file.ts';
import type { ExternalKeySource } from '../xki/external-key.ts';
import { openFileKeys } from '../xki/file-keys.ts';
import { readProxyConfig, type ProxyConfig } from '../xki/proxy-config.ts';
import { startProxyServer } from '../xki/proxy-server.ts';
import { exitOnFailure } from './exit.ts';
import { installationVariables } from './installation.ts';

const schema = z.object({
  KAAP_LOG_LEVEL: installationVariables.KAAP_LOG_LEVEL,
  KAAP_XKI_CONFIG: z.string({ error: 'name the file with the configuration of the proxy' }),
});

const hsmDeadlineMs = 200;

/** The key that signs checkpoints of the proxy's audit log, made at the first start beside the log. */
async function checkpointKey(folder: string): Promise<KeyObject> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'checkpoint.key');
  if (!existsSync(path)) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    await writeFile(join(folder, 'checkpoint.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
    await writeFile(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  }
  return createPrivateKey(readFileSync(path));
}

async function openKeys({ keys }: ProxyConfig): Promise<ExternalKeySource> {
  // KMS waits 250 ms for an answer: a device that takes longer has not answered.
  const hsm = keys.kind === 'pkcs11' ? new HsmClient({ socket: keys.socket, deadlineMs: hsmDeadlineMs }) : undefined;
  return openFileKeys(keys.file, await readSealKey(keys.sealKeyFile), systemClock, hsm);
}

async function main(): Promise<void> {
  const { KAAP_LOG_LEVEL, KAAP_XKI_CONFIG } = readConfig(schema, process.env);
  const log = createLogger({ name: 'xki-proxy', level: KAAP_LOG_LEVEL });
  const signal = shutdownSignal();
  const config = readProxyConfig(KAAP_XKI_CONFIG);
  const keys = await openKeys(config);
  const directory = join(config.auditDir, 'log');
  const audit = await openAuditFileSink({ directory, checkpointKey: await checkpointKey(config.auditDir), log });
  const server = await startProxyServer({ config, keys, audit, clock: systemClock, log });
  const health = await startHealthServer({
    address: parseListenAddress(config.metricsListen),
    metrics: createMetrics(),
    notReady: () => (audit.healthy ? undefined : 'The audit log cannot be written.'),
  });
  log.info({ port: server.port, prefixes: config.prefixes.length }, 'xki-proxy serves');
  await aborted(signal);
  await server.drain(config.lingerSeconds * 1000);
  await server.close();
  await health.close();
  await keys.close();
  await audit.close();
}

exitOnFailure(main);
