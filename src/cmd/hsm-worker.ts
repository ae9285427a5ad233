import { readFileSync, rmSync } from 'node:fs';
import { z } from 'zod';
import { readConfig } from '../lib/config.ts';
import { createLogger } from '../lib/log.ts';
import { aborted, shutdownSignal } from '../lib/signals.ts';
import { handshakeFile } from '../providers/pkcs11-handshake.ts';
import { openToken } from '../hsm/module.ts';
import { serveToken } from '../hsm/token-server.ts';
import { Token } from '../hsm/token.ts';
import { exitOnFailure } from './exit.ts';
import { hsmVariables } from './hsm-config.ts';
import { installationVariables } from './installation.ts';

const schema = z.object({ KAAP_LOG_LEVEL: installationVariables.KAAP_LOG_LEVEL, ...hsmVariables });

/** The process that has the vendor's module in its memory. Started by `hsm`, which starts it again when it ends. */
async function main(): Promise<void> {
  const config = readConfig(schema, process.env);
  const log = createLogger({ name: 'hsm-worker', level: config.KAAP_LOG_LEVEL });
  const signal = shutdownSignal();
  const location = { module: config.KAAP_HSM_MODULE, label: config.KAAP_HSM_TOKEN, pinFile: config.KAAP_HSM_PIN_FILE };
  const profile = {
    oaep: config.KAAP_HSM_OAEP,
    verifyEncryption: config.KAAP_HSM_VERIFY_ENCRYPTION === 'true',
    copyMs: Number(config.KAAP_HSM_COPY_SECONDS) * 1000,
  };
  const started = performance.now();
  const token = new Token(openToken(location), profile, Number(config.KAAP_HSM_SESSIONS));
  const socket = config.KAAP_HSM_SOCKET;
  rmSync(socket, { force: true });
  const { oldestMs } = await serveToken({
    socket,
    secret: readFileSync(handshakeFile(socket)),
    token,
    onFatal: (error) => {
      log.error({ error: error.message }, 'the token is opened again, in a new process');
      // What was answered has a moment to leave.
      setTimeout(() => process.exit(70), 20);
    },
  });
  log.info({ token: location.label, startMs: Math.round(performance.now() - started) }, 'hsm serves');
  const hangMs = Number(config.KAAP_HSM_HANG_MS);
  // A call that hangs on a thread leaves this loop turning: then there is no sign of life either.
  const beat = setInterval(() => {
    if (oldestMs() < hangMs) process.send?.('alive');
  }, hangMs / 4);
  process.send?.('alive');
  process.once('disconnect', () => process.exit(0));
  await aborted(signal);
  clearInterval(beat);
}

exitOnFailure(main);
