import { createRequire } from 'node:module';
import type OpenApiModule from '@alicloud/openapi-client';
import { RuntimeOptions } from '@alicloud/tea-util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ShiftedClock, startTestServer, type TestServer } from '../support/kms-server.ts';

const load = createRequire(import.meta.url);
const OpenApi = load('@alicloud/openapi-client') as typeof OpenApiModule;

let server: TestServer;
let keyId: string;
const clock = new ShiftedClock();

type Answer = { body: Record<string, unknown>; statusCode: number };
type ParameterPlace = 'query' | 'body';

interface SdkCall {
  action: string;
  parameters?: Record<string, unknown>;
  place?: ParameterPlace;
  algorithm?: string;
  accessKeyId?: string;
  accessKeySecret?: string;
  version?: string;
  signatureVersion?: string;
}

function sdkOf(call: SdkCall): InstanceType<typeof OpenApi.default> {
  const config = new OpenApi.Config({
    accessKeyId: call.accessKeyId ?? server.root.AccessKeyId,
    accessKeySecret: call.accessKeySecret ?? server.root.AccessKeySecret,
    endpoint: server.host,
    protocol: 'https',
    ca: server.caPem,
    regionId: 'local',
    signatureAlgorithm: call.algorithm ?? 'ACS3-HMAC-SHA256',
  });
  return new OpenApi.default(config);
}

async function callSdk(call: SdkCall): Promise<Record<string, unknown>> {
  const params = new OpenApi.Params({
    action: call.action,
    version: call.version ?? '2016-01-20',
    protocol: 'HTTPS',
    pathname: '/',
    method: 'POST',
    authType: 'AK',
    style: 'RPC',
    reqBodyType: 'formData',
    bodyType: 'json',
  });
  const request = new OpenApi.OpenApiRequest({ [call.place ?? 'query']: call.parameters ?? {} });
  const answer = (await sdkOf(call).callApi(params, request, new RuntimeOptions({ ca: server.caPem }))) as Answer;
  return answer.body;
}

beforeAll(async () => {
  server = await startTestServer({ clock });
  keyId = (await server.client.createKey({})).KeyMetadata.KeyId;
});

afterAll(() => server.close());

describe('@alicloud/openapi-client 0.4 (ACS3)', () => {
  const plaintext = Buffer.from('plain').toString('base64');
  const EncryptionContext = JSON.stringify({ 'a b': '*~!()', c: '中' });

  test.each([
    ['ACS3-HMAC-SHA256', 'query'],
    ['ACS3-HMAC-SHA256', 'body'],
    ['ACS3-HMAC-SM3', 'query'],
    ['ACS3-HMAC-SM3', 'body'],
    ['v2', 'query'],
  ] as const)('encrypts and decrypts, signed with %s, parameters in the %s', async (algorithm, place) => {
    const sealed = await callSdk({
      action: 'Encrypt',
      parameters: { KeyId: keyId, Plaintext: plaintext, EncryptionContext },
      algorithm,
      place,
    });
    const parameters = { CiphertextBlob: sealed['CiphertextBlob'], EncryptionContext };
    expect(await callSdk({ action: 'Decrypt', parameters, algorithm, place })).toMatchObject({
      Plaintext: plaintext,
      KeyId: keyId,
    });
  });

  test('answers on the same endpoint for STS', async () => {
    const identity = await callSdk({ action: 'GetCallerIdentity', version: '2015-04-01' });
    expect(identity).toMatchObject({ IdentityType: 'Account', Arn: 'acs:ram::1000000000000000:root' });
  });

  test('a 404 is an error with code, status, message and request id', async () => {
    const missing = callSdk({ action: 'DescribeKey', parameters: { KeyId: '00000000-0000-4000-8000-000000000000' } });
    await expect(missing).rejects.toMatchObject({
      code: 'Forbidden.KeyNotFound',
      message: expect.stringMatching(/^Forbidden\.KeyNotFound: code: 404, .* request id: [0-9A-F-]{36}$/),
      data: { statusCode: 404 },
    });
  });

  test('a dry run fails with DryRunOperationError', async () => {
    const parameters = { KeyId: keyId, Plaintext: plaintext, DryRun: 'true' };
    await expect(callSdk({ action: 'Encrypt', parameters })).rejects.toMatchObject({ code: 'DryRunOperationError' });
  });
});

describe('C6: what the gateway refuses, as the SDK tells it', () => {
  test.each([
    ['a wrong secret', 'SignatureDoesNotMatch', { accessKeySecret: 'wrong' }],
    ['an unknown key id', 'InvalidAccessKeyId.NotFound', { accessKeyId: 'LTAIunknown' }],
    ['an unknown action', 'InvalidApi.NotFound', { action: 'Nonsense' }],
    ['an unknown version', 'InvalidVersion', { version: '2000-01-01' }],
    ['a missing parameter', 'MissingParameter', { action: 'Encrypt' }],
    ['a wrong secret under RPC V1', 'SignatureDoesNotMatch', { accessKeySecret: 'wrong', algorithm: 'v2' }],
  ])('%s is %s', async (_what, code, change) => {
    await expect(callSdk({ action: 'DescribeRegions', ...change })).rejects.toMatchObject({ code });
  });

  test.each(['ACS3-HMAC-SHA256', 'v2'])(
    'a request signed with %s sixteen minutes ago has expired',
    async (algorithm) => {
      clock.shiftMs = 16 * 60_000;
      await expect(callSdk({ action: 'DescribeRegions', algorithm })).rejects.toMatchObject({
        code: 'InvalidTimeStamp.Expired',
      });
      clock.shiftMs = 0;
    },
  );
});
