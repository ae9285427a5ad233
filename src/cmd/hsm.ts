import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { ConfigError, readConfig } from '../lib/config.ts';
import { createLogger } from '../lib/log.ts';
import { shutdownSignal } from '../lib/signals.ts';
import { handshakeBytes, handshakeFile } from '../providers/pkcs11-handshake.ts';
import { superviseWorker } from '../hsm/supervisor.ts';
import { exitOnFailure } from './exit.ts';
import { hsmVariables } from './hsm-config.ts';

const startMs = 60_000;

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
  const config = readConfig(z.object(hsmVariables), process.env);
  prepareFolder(config.KAAP_HSM_SOCKET);
  // The worker inherits it: its socket has mode 0600.
  process.umask(0o177);
  await superviseWorker({
    program: join(import.meta.dirname, 'hsm-worker.ts'),
    hangMs: Number(config.KAAP_HSM_HANG_MS),
    startMs,
    log: createLogger({ name: 'hsm', level: config.KAAP_LOG_LEVEL }),
    signal: shutdownSignal(),
  });
}

exitOnFailure(main);
