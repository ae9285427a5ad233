import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/lib/clock.ts';
import { createGateway } from '../../src/gateway/gateway.ts';
import { emptyPolicySet } from '../../src/policy/policy-set.ts';
import { expandRbacPolicy } from '../../src/policy/rbac-templates.ts';
import {
  sendRaw,
  signedRequest,
  startTestGateway,
  testAccount,
  type RawAnswer,
  type SignedCall,
  type TestGateway,
} from '../support/test-gateway.ts';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
});

afterAll(() => gateway.close());

afterEach(() => {
  gateway.audit.events.length = 0;
  gateway.audit.failing = false;
  gateway.trace.runs.length = 0;
  gateway.policies.clear();
});

function call(signed: SignedCall): Promise<RawAnswer> {
  return sendRaw(gateway, signedRequest(gateway, signed));
}

const lastEvent = (): unknown => gateway.audit.events.at(-1);

describe('the pipeline', () => {
  test('a signed, permitted call is done, audited and answered', async () => {
    const answer = await call({ action: 'Encrypt', body: 'KeyId=k1' });
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      KeyId: 'k1',
      CiphertextBlob: 'QUJD',
      RequestId: expect.stringMatching(/^[0-9A-F-]{36}$/),
    });
    expect(answer.headers['x-acs-request-id']).toBe(answer.json['RequestId']);
    expect(answer.headers['content-type']).toBe('application/json;charset=utf-8');
    expect(lastEvent()).toEqual({
      time: gateway.clock.now(),
      requestId: answer.json['RequestId'],
      product: 'Kms',
      action: 'Encrypt',
      protocol: 'acs3',
      principal: `acs:ram::${testAccount}:root`,
      accessKeyId: 'root',
      sourceIp: '127.0.0.1',
      userAgent: 'test',
      resources: [`acs:kms:local:${testAccount}:key/k1`],
      decision: 'Allow',
      decidedBy: expect.any(String),
      outcome: 'OK',
    });
  });

  test('the action learns who asks, from where and when', async () => {
    await call({ action: 'Encrypt', body: 'KeyId=k1' });
    expect(gateway.trace.contexts.at(-1)).toMatchObject({
      principal: { kind: 'Account', accessKeyId: 'root' },
      time: gateway.clock.now(),
      sourceIp: '127.0.0.1',
      secureTransport: true,
    });
  });

  test('a call without permission is refused before its work, and the answer names the rule', async () => {
    const answer = await call({ action: 'Encrypt', body: 'KeyId=k1', accessKeyId: 'nobody' });
    expect(answer.status).toBe(403);
    expect(answer.json).toMatchObject({
      HttpStatus: 403,
      Code: 'Forbidden.NoPermission',
      AccessDeniedDetail: { AuthAction: 'kms:Encrypt', NoPermissionType: 'ImplicitDeny' },
    });
    expect(gateway.trace.runs).toEqual([]);
    expect(lastEvent()).toMatchObject({
      decision: 'Deny',
      outcome: 'Forbidden.NoPermission',
      principal: `acs:ram::${testAccount}:user/nobody`,
    });
  });

  test('a call that needs no permission is done for whoever signs', async () => {
    const answer = await call({ action: 'DescribeRegions', accessKeyId: 'nobody' });
    expect(answer.status).toBe(200);
    expect(lastEvent()).toMatchObject({ decision: 'None', outcome: 'OK' });
  });

  test('an anonymous action is done unsigned, and audited', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const path = '/?Version=2015-04-01&Action=AssumeRoleWithOIDC&Format=JSON&Timestamp=2026-01-01T00:00:00Z';
    const answer = await sendRaw(gateway, { method: 'POST', path, headers, body: 'RoleArn=r' });
    expect(answer.json).toMatchObject({ Credentials: { AccessKeyId: 'STS.1' } });
    expect(lastEvent()).toMatchObject({ principal: 'anonymous', product: 'Sts', decision: 'None' });
  });

  test('any other action is refused unsigned', async () => {
    const answer = await sendRaw(gateway, { path: '/?Action=Encrypt&Version=2016-01-20&KeyId=k' });
    expect(answer).toMatchObject({ status: 400, json: { Code: 'MissingAccessKeyId' } });
    expect(lastEvent()).toMatchObject({ principal: 'anonymous', outcome: 'MissingAccessKeyId' });
  });

  test('an unknown action is told only to whoever signs', async () => {
    expect((await call({ action: 'Nonsense' })).json).toMatchObject({ HttpStatus: 404, Code: 'InvalidApi.NotFound' });
    expect((await call({ action: 'Nonsense', accessKeySecret: 'wrong' })).json).toMatchObject({
      Code: 'SignatureDoesNotMatch',
    });
    const unsigned = await sendRaw(gateway, { path: '/?Action=Nonsense&Version=2016-01-20' });
    expect(unsigned.json).toMatchObject({ Code: 'MissingAccessKeyId' });
  });

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('I1: %s is no action', async (action) => {
    expect((await call({ action })).json).toMatchObject({ Code: 'InvalidApi.NotFound' });
  });

  test('a version of no product is refused', async () => {
    expect((await call({ action: 'Encrypt', version: '2000-01-01' })).json).toMatchObject({ Code: 'InvalidVersion' });
  });

  test('an action of another product is not found', async () => {
    expect((await call({ action: 'Encrypt', version: '2015-04-01' })).json).toMatchObject({
      Code: 'InvalidApi.NotFound',
    });
  });

  test('a missing parameter is named, and a malformed one', async () => {
    expect((await call({ action: 'Encrypt' })).json).toMatchObject({
      Code: 'MissingParameter',
      Message: expect.stringContaining('KeyId'),
    });
    expect((await call({ action: 'Encrypt', body: 'KeyId.1=canary' })).json).toMatchObject({
      Code: 'InvalidParameter',
      Message: expect.stringContaining('KeyId'),
    });
  });

  test('XML is answered where it is asked for, errors too', async () => {
    const accept = { accept: 'text/xml' };
    const good = await call({ action: 'DescribeKey', body: 'KeyId=k', headers: accept });
    expect(good.headers['content-type']).toBe('text/xml;charset=utf-8');
    expect(good.text).toMatch(
      /^<\?xml[^>]*\?><KMS><KeyMetadata><KeyId>k<\/KeyId><Description>a &amp; b<\/Description><\/KeyMetadata><RequestId>/,
    );
    const bad = await sendRaw(gateway, { path: '/?Action=DescribeKey&Version=2016-01-20&Format=XML' });
    expect(bad.text).toMatch(/<Error><HttpStatus>400<\/HttpStatus><Code>MissingAccessKeyId<\/Code>/);
  });
});

describe('dry runs', () => {
  test('a dry run of a permitted call fails with DryRunOperationError and does nothing', async () => {
    const answer = await call({ action: 'DisableKey', body: 'KeyId=k1&DryRun=true' });
    expect(answer.json).toMatchObject({ HttpStatus: 400, Code: 'DryRunOperationError' });
    expect(gateway.trace.runs).toEqual([]);
    expect(lastEvent()).toMatchObject({ dryRun: true, decision: 'Allow', outcome: 'DryRunOperationError' });
  });

  test('a dry run of a forbidden call says that it is forbidden', async () => {
    const answer = await call({ action: 'DisableKey', body: 'KeyId=k1&DryRun=true', accessKeyId: 'nobody' });
    expect(answer.json).toMatchObject({ Code: 'Forbidden.NoPermission' });
  });

  test('a DryRun that is neither true nor false is refused, and false is no dry run', async () => {
    expect((await call({ action: 'DisableKey', body: 'KeyId=k1&DryRun=maybe' })).json).toMatchObject({
      Code: 'InvalidParameter',
    });
    expect((await call({ action: 'DisableKey', body: 'KeyId=k1&DryRun=false' })).status).toBe(200);
  });
});

describe('the audit log', () => {
  test('the answer leaves only after its record is durable', async () => {
    let open = (): void => undefined;
    gateway.audit.gate = new Promise((resolve) => (open = resolve));
    let answered = false;
    const answer = call({ action: 'Encrypt', body: 'KeyId=k1' }).then((got) => {
      answered = true;
      return got;
    });
    await expect.poll(() => gateway.trace.runs).toEqual(['Encrypt']);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(answered).toBe(false);
    open();
    expect((await answer).status).toBe(200);
  });

  test('H3: when the record cannot be made, the caller gets 503 and no result', async () => {
    gateway.audit.failing = true;
    const answer = await call({ action: 'Encrypt', body: 'KeyId=k1' });
    expect(answer.json).toEqual({
      HttpStatus: 503,
      Code: 'ServiceUnavailableTemporary',
      Message: expect.any(String),
      RequestId: expect.any(String),
    });
    expect(answer.text).not.toMatch(/QUJD|canary/);
  });

  test('a refused signature is audited under the key id that was claimed', async () => {
    await call({ action: 'Encrypt', body: 'KeyId=k1', accessKeySecret: 'wrong' });
    expect(lastEvent()).toMatchObject({
      principal: 'anonymous',
      accessKeyId: 'root',
      outcome: 'SignatureDoesNotMatch',
    });
  });

  test('H2: what a caller chooses freely is cut to a length', async () => {
    await call({ action: 'Encrypt', body: 'KeyId=k1', headers: { 'user-agent': 'u'.repeat(5000) } });
    expect(gateway.audit.events.at(-1)?.userAgent).toHaveLength(256);
  });
});

describe('H4: unexpected failures', () => {
  test('are answered without their text', async () => {
    const answer = await call({ action: 'EnableKey', body: 'KeyId=k1&Plaintext=canary' });
    expect(answer.json).toMatchObject({ HttpStatus: 500, Code: 'InternalFailure' });
    expect(answer.text).not.toContain('canary');
  });
});

describe('authentication', () => {
  test('C11: an unknown key id and a wrong secret are answered in the same shape', async () => {
    const unknown = await call({ action: 'Encrypt', body: 'KeyId=k', accessKeyId: 'unknown' });
    const wrong = await call({ action: 'Encrypt', body: 'KeyId=k', accessKeySecret: 'wrong' });
    expect(unknown.json).toMatchObject({ HttpStatus: 404, Code: 'InvalidAccessKeyId.NotFound' });
    expect(wrong.json).toMatchObject({ HttpStatus: 400, Code: 'SignatureDoesNotMatch' });
    expect(Object.keys(unknown.json)).toEqual(Object.keys(wrong.json));
    expect(Object.keys(unknown.headers).toSorted()).toEqual(Object.keys(wrong.headers).toSorted());
  });

  test('C6: a replayed nonce is refused', async () => {
    const request = signedRequest(gateway, { action: 'Encrypt', body: 'KeyId=k' });
    expect((await sendRaw(gateway, request)).status).toBe(200);
    expect((await sendRaw(gateway, request)).json).toMatchObject({ HttpStatus: 400, Code: 'SignatureNonceUsed' });
  });

  test('C6: a nonce sent with a wrong signature is not used up', async () => {
    const request = signedRequest(gateway, { action: 'Encrypt', body: 'KeyId=k' });
    const authorization = String(request.headers?.['authorization']).replace(/[0-9a-f]{64}$/, '0'.repeat(64));
    const forged = await sendRaw(gateway, { ...request, headers: { ...request.headers, authorization } });
    expect(forged.json).toMatchObject({ Code: 'SignatureDoesNotMatch' });
    expect((await sendRaw(gateway, request)).status).toBe(200);
  });

  test.each([-16, 16])('C6: a timestamp %i minutes off is refused', async (minutes) => {
    const answer = await call({ action: 'Encrypt', body: 'KeyId=k', time: gateway.clock.now() + minutes * 60_000 });
    expect(answer.json).toMatchObject({ HttpStatus: 400, Code: 'InvalidTimeStamp.Expired' });
  });

  test.each([-14, 14])('a timestamp %i minutes off is accepted', async (minutes) => {
    const answer = await call({ action: 'Encrypt', body: 'KeyId=k', time: gateway.clock.now() + minutes * 60_000 });
    expect(answer.status).toBe(200);
  });

  test('an inactive key is told only to whoever has its secret', async () => {
    expect((await call({ action: 'DescribeRegions', accessKeyId: 'retired' })).json).toMatchObject({
      Code: 'InvalidAccessKeyId.Inactive',
    });
    const wrong = await call({ action: 'DescribeRegions', accessKeyId: 'retired', accessKeySecret: 'wrong' });
    expect(wrong.json).toMatchObject({ Code: 'SignatureDoesNotMatch' });
  });

  test('C6: a header given twice is refused', async () => {
    const request = signedRequest(gateway, { action: 'Encrypt', body: 'KeyId=k' });
    const action = ['Encrypt', 'DisableKey'];
    const answer = await sendRaw(gateway, { ...request, headers: { ...request.headers, 'x-acs-action': action } });
    expect(answer.json).toMatchObject({ Code: 'ParseRequestParameterException' });
  });
});

describe('access points in mode Shadow', () => {
  const policy = expandRbacPolicy({
    name: 'shop',
    scope: 'shared',
    permissions: ['SecretUser'],
    resources: ['secret/shop/*'],
  });
  const shadow = { name: 'shop', mode: 'Shadow', method: 'RAMRole', policies: [policy] } as const;

  test('a denial is recorded and not enforced', async () => {
    gateway.policies.set('pod', { ...emptyPolicySet, accessPoint: shadow });
    expect((await call({ action: 'Encrypt', body: 'KeyId=k1', accessKeyId: 'pod' })).status).toBe(200);
    expect(lastEvent()).toMatchObject({
      decision: 'Deny',
      decidedBy: expect.stringMatching(/^shadow:/),
      outcome: 'OK',
    });
  });

  test('a management call stays refused', async () => {
    gateway.policies.set('pod', { ...emptyPolicySet, accessPoint: shadow });
    const answer = await call({ action: 'DisableKey', body: 'KeyId=k1', accessKeyId: 'pod' });
    expect(answer.json).toMatchObject({ Code: 'Forbidden.NoPermission' });
  });

  test('in mode Enforce the same denial is enforced', async () => {
    gateway.policies.set('pod', { ...emptyPolicySet, accessPoint: { ...shadow, mode: 'Enforce' } });
    const answer = await call({ action: 'Encrypt', body: 'KeyId=k1', accessKeyId: 'pod' });
    expect(answer.json).toMatchObject({ Code: 'Forbidden.NoPermission' });
    expect(lastEvent()).toMatchObject({ decision: 'Deny', decidedBy: expect.not.stringMatching(/^shadow:/) });
  });
});

describe('limits', () => {
  test('A6: a body over the limit is refused without being read, and its connection is closed', async () => {
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': String(100 * 1024 * 1024),
    };
    const answer = await sendRaw(gateway, { method: 'POST', headers, body: 'a=1' });
    expect(answer).toMatchObject({ status: 413, json: { Code: 'RequestBodyTooLarge' } });
    expect(answer.headers['connection']).toBe('close');
  });

  test('A6: a chunked body over the limit is refused at the limit', async () => {
    const headers = { 'transfer-encoding': 'chunked', 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await sendRaw(gateway, { method: 'POST', headers, body: 'a'.repeat(3 * 1024 * 1024 + 1) }).catch(
      (error: unknown) => error as Error,
    );
    // The refusal may reach a client that is still writing as a closed connection.
    expect(answer instanceof Error ? 413 : answer.status).toBe(413);
  });

  test('two actions of one name are refused at the start', () => {
    const twice = { name: 'A', product: 'Kms' } as never;
    expect(() => createGateway({ actions: [twice, twice], clock: new ManualClock() } as never)).toThrow('twice');
  });
});
