import { hsmStatus } from '../providers/pkcs11-frames.ts';

/** What a caller is answered besides a result. */
export class TokenError extends Error {
  readonly status: number;
  /** The process is of no more use and starts afresh: its sessions or its module are gone. */
  readonly fatal: boolean;

  constructor(status: number, message: string, fatal = false) {
    super(message);
    this.name = 'TokenError';
    this.status = status;
    this.fatal = fatal;
  }
}

/** Return values of PKCS #11 v2.40 that mean more to us than "it failed". */
export const returnValues = {
  generalError: 0x05,
  functionFailed: 0x06,
  attributeReadOnly: 0x10,
  actionProhibited: 0x1b,
  dataInvalid: 0x20,
  dataLenRange: 0x21,
  encryptedDataInvalid: 0x40,
  encryptedDataLenRange: 0x41,
  functionNotSupported: 0x54,
  keyHandleInvalid: 0x60,
  keyTypeInconsistent: 0x63,
  mechanismInvalid: 0x70,
  mechanismParamInvalid: 0x71,
  objectHandleInvalid: 0x82,
  signatureInvalid: 0xc0,
  templateInconsistent: 0xd1,
  wrappedKeyInvalid: 0x110,
} as const;

/**
 * The return value that the module gave; `undefined` for what is no error of PKCS #11. Of the calls that take templates
 * (C_CreateObject, C_CopyObject), pkcs11js 2.1 says it in the message alone, as `CKR_NAME:130`.
 */
export function returnValueOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as Error & { code?: unknown };
  if (typeof code === 'number') return code;
  const [, value] = /^CKR_\w+:(\d+)/.exec(error.message) ?? [];
  return value === undefined ? undefined : Number(value);
}

const refusing: ReadonlySet<number | undefined> = new Set([
  returnValues.mechanismInvalid,
  returnValues.mechanismParamInvalid,
  returnValues.keyTypeInconsistent,
]);

const copyRefusals: ReadonlySet<number | undefined> = new Set([
  returnValues.attributeReadOnly,
  returnValues.actionProhibited,
  returnValues.functionNotSupported,
  returnValues.templateInconsistent,
]);

/** Tells a token that copies no keys, which a setting is wrong about, from one that failed to. */
export function copyErrorOf(error: unknown): unknown {
  if (!copyRefusals.has(returnValueOf(error))) return error;
  return new TokenError(hsmStatus.unsupported, 'The token copies no keys: set KAAP_HSM_COPY_SECONDS to 0.');
}

/** Names a failure of the module. Whatever is not known to be the caller's fault ends the process: it starts afresh. */
export function tokenErrorOf(error: unknown): TokenError {
  if (error instanceof TokenError) return error;
  const value = returnValueOf(error);
  const name = value === undefined ? 'no return value' : `0x${value.toString(16)}`;
  if (refusing.has(value)) {
    return new TokenError(hsmStatus.unsupported, `The token does not have the mechanism for this (${name}).`);
  }
  if (value === returnValues.wrappedKeyInvalid) {
    return new TokenError(
      hsmStatus.notFound,
      'The token does not open this material: it was wrapped by another token.',
    );
  }
  return new TokenError(hsmStatus.retry, `The token failed (${name}). It is opened again.`, true);
}
