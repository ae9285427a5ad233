import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A token of SoftHSM2 in a folder of this test's own. */
export interface SoftHsmToken {
  /** Path of the PKCS #11 module. */
  readonly module: string;
  /** Value for `SOFTHSM2_CONF` of the process that loads the module. */
  readonly configurationFile: string;
  readonly label: string;
  /** File that holds the user PIN, mode 0600. */
  readonly pinFile: string;
  remove(): void;
}

const modules = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so'];

/** Where the distribution has the module. */
export function softHsmModule(): string {
  const module = modules.find((path) => existsSync(path));
  if (module === undefined) throw new Error('libsofthsm2.so was not found; install the package softhsm2');
  return module;
}

/** Initialises a token with a user PIN. */
export function createSoftHsmToken(label = 'kaap-test', pin = '648219'): SoftHsmToken {
  const module = softHsmModule();
  const folder = mkdtempSync(join(tmpdir(), 'kaap-hsm-'));
  const configurationFile = join(folder, 'softhsm2.conf');
  const pinFile = join(folder, 'pin');
  mkdirSync(join(folder, 'tokens'));
  writeFileSync(
    configurationFile,
    `directories.tokendir = ${folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n`,
  );
  writeFileSync(pinFile, pin, { mode: 0o600 });
  execFileSync('softhsm2-util', ['--init-token', '--free', '--label', label, '--so-pin', '99887766', '--pin', pin], {
    env: { ...process.env, SOFTHSM2_CONF: configurationFile },
    stdio: 'ignore',
  });
  return { module, configurationFile, label, pinFile, remove: () => rmSync(folder, { recursive: true }) };
}
