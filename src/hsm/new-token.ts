import { readFileSync } from 'node:fs';
import type { PKCS11, TokenInfo } from 'pkcs11js';
import { ConfigError } from '../lib/config.ts';
import { loadBinding, type TokenLocation } from './module.ts';

export interface NewToken extends TokenLocation {
  /** File that holds the PIN of the security officer. */
  soPinFile: string;
}

/**
 * Makes a token with a user PIN in the first slot that has none, unless there is one with that label; `false` then. One that
 * was left without a user PIN gets it. For modules that keep tokens in files, as SoftHSM2 does: an HSM is set up with the
 * tools of its vendor.
 */
export function makeToken({ module, label, pinFile, soPinFile }: NewToken): boolean {
  const binding = loadBinding();
  const library = new binding.PKCS11();
  library.load(module);
  library.C_Initialize({ flags: binding.CKF_OS_LOCKING_OK });
  try {
    const known = slotWith(library, (info) => info.label.trimEnd() === label);
    const isReady = (info: TokenInfo): boolean => (info.flags & binding.CKF_USER_PIN_INITIALIZED) !== 0;
    if (known !== undefined && isReady(library.C_GetTokenInfo(known))) return false;
    const slot = known ?? slotWith(library, ({ flags }) => (flags & binding.CKF_TOKEN_INITIALIZED) === 0);
    if (slot === undefined) throw new ConfigError(`${module} has no slot without a token.`);
    const soPin = readFileSync(soPinFile, 'utf8').trimEnd();
    if (known === undefined) library.C_InitToken(slot, soPin, label.padEnd(labelBytes));
    const session = library.C_OpenSession(slot, binding.CKF_SERIAL_SESSION | binding.CKF_RW_SESSION);
    library.C_Login(session, binding.CKU_SO, soPin);
    library.C_InitPIN(session, readFileSync(pinFile, 'utf8').trimEnd());
    return true;
  } finally {
    library.C_Finalize();
    library.close();
  }
}

/** PKCS #11: padded with blanks, and not ended by NUL. */
const labelBytes = 32;

function slotWith(library: PKCS11, matches: (info: TokenInfo) => boolean): Buffer | undefined {
  return library.C_GetSlotList(true).find((slot) => matches(library.C_GetTokenInfo(slot)));
}
