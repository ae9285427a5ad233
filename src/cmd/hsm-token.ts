import { z } from 'zod';
import { readConfig } from '../lib/config.ts';
import { createLogger } from '../lib/log.ts';
import { makeToken } from '../hsm/new-token.ts';
import { exitOnFailure } from './exit.ts';
import { hsmVariables } from './hsm-config.ts';
import { installationVariables } from './installation.ts';

const { KAAP_LOG_LEVEL } = installationVariables;
const { KAAP_HSM_MODULE, KAAP_HSM_TOKEN, KAAP_HSM_PIN_FILE } = hsmVariables;
const schema = z.object({
  KAAP_LOG_LEVEL,
  KAAP_HSM_MODULE,
  KAAP_HSM_TOKEN,
  KAAP_HSM_PIN_FILE,
  KAAP_HSM_SO_PIN_FILE: z.string({ error: 'name the file with the PIN of the security officer' }),
});

/** Runs before `hsm` where SoftHSM2 is tried out: makes the token at the first start. */
async function main(): Promise<void> {
  const config = readConfig(schema, process.env);
  const label = config.KAAP_HSM_TOKEN;
  const made = makeToken({
    module: config.KAAP_HSM_MODULE,
    label,
    pinFile: config.KAAP_HSM_PIN_FILE,
    soPinFile: config.KAAP_HSM_SO_PIN_FILE,
  });
  const log = createLogger({ name: 'hsm-token', level: config.KAAP_LOG_LEVEL });
  log.info({ label }, made ? 'made the token' : 'the token is there already');
  await Promise.resolve();
}

exitOnFailure(main);
