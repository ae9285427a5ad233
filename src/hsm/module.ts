import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import type { Handle, PKCS11 } from 'pkcs11js';
import { ConfigError } from '../lib/config.ts';

type Pkcs11 = typeof import('pkcs11js');

/** The PKCS #11 binding with its constants. Optional in the package: only this process needs it. */
export function loadBinding(): Pkcs11 {
  try {
    return createRequire(import.meta.url)('pkcs11js') as Pkcs11;
  } catch {
    throw new ConfigError('The package pkcs11js is not installed. Run npm install with optional dependencies.');
  }
}

export interface TokenLocation {
  /** Path of the vendor's module. */
  module: string;
  /** Label of the token. */
  label: string;
  /** File that holds the user PIN; nothing else holds it. */
  pinFile: string;
}

/** A module with a token that is logged in to. */
export interface OpenToken {
  readonly binding: Pkcs11;
  readonly library: PKCS11;
  openSession(): Handle;
}

/** Loads the module, finds the token and logs in. What goes wrong is named without the PIN. */
export function openToken({ module, label, pinFile }: TokenLocation): OpenToken {
  const binding = loadBinding();
  const library = new binding.PKCS11();
  library.load(module);
  library.C_Initialize({ flags: binding.CKF_OS_LOCKING_OK });
  const slot = library
    .C_GetSlotList(true)
    .find((candidate) => library.C_GetTokenInfo(candidate).label.trimEnd() === label);
  if (slot === undefined) throw new ConfigError(`${module} has no token with the label ${label}.`);
  const openSession = (): Handle => library.C_OpenSession(slot, binding.CKF_SERIAL_SESSION | binding.CKF_RW_SESSION);
  const session = openSession();
  const pin = readFileSync(pinFile, 'utf8').trimEnd();
  try {
    library.C_Login(session, binding.CKU_USER, pin);
  } catch (error) {
    const { code } = error as { code?: number };
    throw new ConfigError(`The token ${label} refused the PIN of ${pinFile} (0x${(code ?? 0).toString(16)}).`);
  }
  return { binding, library, openSession };
}
