import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { KmsClientError } from '../../src/client/kms-client-error.ts';
import { failureText } from '../../src/cmd/failure-text.ts';

describe('What a person is told of a failure', () => {
  it('names the setting when something listens at the port already', async () => {
    const first = createServer().listen(0);
    await once(first, 'listening');
    const { port } = first.address() as AddressInfo;
    const [error] = (await once(createServer().listen(port), 'error').catch((failure: unknown) => [failure])) as [
      Error,
    ];
    first.close();
    expect(failureText(error)).toMatch(
      new RegExp(`^Another process listens at port ${port} already\\..*KAAP_METRICS_LISTEN`),
    );
  });

  it('has the code, the status and the request id of an answer', () => {
    const error = new KmsClientError({
      code: 'Forbidden.KeyNotFound',
      message: 'There is no key k.',
      httpStatus: 404,
      retryable: false,
      requestId: 'R-1',
    });
    expect(failureText(error)).toBe('Forbidden.KeyNotFound (HTTP 404): There is no key k.\n  RequestId: R-1');
  });

  it('has the rule that refused', () => {
    const detail = { NoPermissionType: 'ImplicitDeny', DecidedBy: 'RbacPolicy/shop' };
    const error = new KmsClientError({
      code: 'Forbidden.NoPermission',
      message: 'No.',
      httpStatus: 403,
      retryable: false,
      detail,
    });
    expect(failureText(error).split('\n').slice(1)).toEqual([
      '  NoPermissionType: ImplicitDeny',
      '  DecidedBy: RbacPolicy/shop',
    ]);
  });

  it('has no status when no answer came', () => {
    const error = new KmsClientError({
      code: 'ConnectionFailed',
      message: 'Nobody listens.',
      httpStatus: 0,
      retryable: true,
    });
    expect(failureText(error)).toBe('ConnectionFailed: Nobody listens.');
  });

  it.each([{ code: 'ENOSPC' }, { code: 'EDQUOT' }, { code: 'ERR_SQLITE_ERROR', errcode: 13 }])(
    'says whose disk is full for %o',
    (members) => {
      const error = Object.assign(new Error('write'), members);
      expect(failureText(error)).toMatch(/^No space is left .* KAAP_DATA_DIR/);
    },
  );

  it('is the message of anything else', () => {
    expect(failureText(new Error('Name a folder.'))).toBe('Name a folder.');
    expect(failureText(undefined)).toBe('undefined');
  });
});
