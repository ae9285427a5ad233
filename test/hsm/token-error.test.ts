import { describe, expect, it } from 'vitest';
import { hsmStatus } from '../../src/providers/pkcs11-frames.ts';
import { copyErrorOf, returnValueOf, tokenErrorOf } from '../../src/hsm/token-error.ts';

const withCode = (code: unknown): Error => Object.assign(new Error('CKR_X'), { code });

describe('Errors of the token', () => {
  it.each([
    ['a code', withCode(0x60), 0x60],
    ['the message of a call that takes templates', new Error('CKR_OBJECT_HANDLE_INVALID:130\n    at x'), 0x82],
    ['no error of PKCS #11', new Error('disk: CKR_OK:0 is not at its start'), undefined],
    ['an error of the system', withCode('ENOENT'), undefined],
    ['no error', 130, undefined],
  ])('have the return value of %s', (_name, error, value) => {
    expect(returnValueOf(error)).toBe(value);
  });

  it.each([
    ['a mechanism that the token lacks', new Error('CKR_MECHANISM_INVALID:112'), hsmStatus.unsupported, false],
    ['material of another token', withCode(0x110), hsmStatus.notFound, false],
    ['anything else', withCode(0x30), hsmStatus.retry, true],
    ['a failure outside the module', new Error('out of memory'), hsmStatus.retry, true],
  ])('say of %s whether the process can go on', (_name, error, status, fatal) => {
    expect(tokenErrorOf(error)).toMatchObject({ status, fatal });
  });

  it('say of a token that copies no keys which setting to change, and the process goes on', () => {
    expect(tokenErrorOf(copyErrorOf(new Error('CKR_ACTION_PROHIBITED:27')))).toMatchObject({
      status: hsmStatus.unsupported,
      fatal: false,
      message: expect.stringContaining('KAAP_HSM_COPY_SECONDS') as string,
    });
    for (const other of [new Error('CKR_OBJECT_HANDLE_INVALID:130'), new Error('CKR_DEVICE_REMOVED:50')]) {
      expect(copyErrorOf(other)).toBe(other);
    }
  });
});
