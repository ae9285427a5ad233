import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { z } from 'zod';
import { ConfigError, parseListenAddress, readConfig } from '../lib/config.ts';
import { startHealthServer } from '../lib/health-server.ts';
import { createLogger } from '../lib/log.ts';
import { createMetrics } from '../lib/metrics.ts';
import { shutdownSignal } from '../lib/signals.ts';
import { handshakeBytes, handshakeFile } from '../providers/pkcs11-handshake.ts';
import { superviseWorker } from '../hsm/supervisor.ts';
import { exitOnFailure } from './exit.ts';
import { hsmVariables } from './hsm-config.ts';
import { installationVariables } from './installation.ts';

const startMs = 60_000;
const schema = z.object({
  KAAP_LOG_LEVEL: installationVariables.KAAP_LOG_LEVEL,
  ...hsmVariables,
  KAAP_HSM_HEALTH_LISTEN: z.string().optional(),
});

/** The folder of the socket, for this user alone, with a new secret beside the socket. */
function prepareFolder(socket: string): void {
  const folder = dirname(socket);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const { mode, uid } = statSync(folder);
  if ((mode & 0o077) !== 0 || uid !== process.getuid?.()) {
    throw new ConfigError(
      `${folder} must belong to this user and have mode 0700: whoever can enter it can use the keys.`,
    );
  }
  writeFileSync(handshakeFile(socket), randomBytes(handshakeBytes), { mode: 0o600 });
}

async function main(): Promise<void> {
  const config = readConfig(schema, process.env);
  const { KAAP_HSM_HEALTH_LISTEN: listen } = config;
  prepareFolder(config.KAAP_HSM_SOCKET);
  // Says that this process lives, whatever becomes of the module: that `kms` knows, instance by instance.
  const health =
    listen === undefined
      ? undefined
      : await startHealthServer({
          address: parseListenAddress(listen),
          metrics: createMetrics(),
          notReady: () => undefined,
        });
  // The worker inherits it: its socket has mode 0600.
  process.umask(0o177);
  await superviseWorker({
    // Beside this one: a source beside a source, a bundled program beside a bundled one.
    program: join(import.meta.dirname, `hsm-worker${extname(import.meta.filename)}`),
    hangMs: Number(config.KAAP_HSM_HANG_MS),
    startMs,
    log: createLogger({ name: 'hsm', level: config.KAAP_LOG_LEVEL }),
    signal: shutdownSignal(),
  });
  await health?.close();
}

exitOnFailure(main);
