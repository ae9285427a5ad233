import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDevelopmentServer, type DevelopmentServer } from './development-server.ts';
import { buildGo, has, runProgram, type Answers } from './sdk-program.ts';

const goIsThere = has('go', 'version');
const withoutGo = goIsThere ? '' : ' (not run: go is not on the PATH)';
const buildTimeoutMs = 300_000;

let server: DevelopmentServer;
beforeAll(async () => {
  if (goIsThere) server = await startDevelopmentServer();
});
afterAll(() => server?.close());

describe.skipIf(!goIsThere)(`dkms-gcs SDK for Go 0.5.1: client key, protobuf${withoutGo}`, () => {
  let answers: Answers;
  beforeAll(async () => {
    answers = await runProgram(await buildGo('dkms-gcs'), [], server.variables);
  }, buildTimeoutMs);

  const keyVersionId = expect.stringMatching(/^[0-9a-f-]{36}$/);

  test('Encrypt gives the IV apart, and Decrypt opens with the same AAD only', () => {
    const keyId = server.variables['KAAP_KEY_ID'];
    const requestId = expect.stringMatching(/^[0-9A-F-]{36}$/);
    expect(answers['Encrypt']).toEqual({ keyId, ivBytes: 12, algorithm: 'AES_GCM', requestId });
    expect(answers['Decrypt']).toBe(true);
    expect(answers['Decrypt with another AAD']).toMatchObject({ error: 'InvalidCiphertext' });
  });

  test('AdvanceEncrypt gives a blob that tells its key version, and AdvanceDecrypt opens it', () => {
    const prefix = Buffer.from([0x24, 0, 2]).toString('base64');
    const sealed = answers['AdvanceEncrypt'] as Record<string, unknown>;
    expect(sealed).toMatchObject({ ivBytes: 12, algorithm: 'AES_GCM', prefix, keyVersionId });
    expect(sealed['toldVersionId']).toBe(sealed['keyVersionId']);
    expect(answers['AdvanceDecrypt']).toBe(true);
    expect(answers['AdvanceDecrypt of a cut blob']).toMatchObject({ error: 'InvalidCiphertext' });
  });

  test('data keys of both kinds open again', () => {
    expect(answers['GenerateDataKey']).toEqual({ bytes: 64, opens: true });
    expect(answers['AdvanceGenerateDataKey']).toEqual({ bytes: 32, opens: true });
  });

  test('GenerateRandom gives as many bytes as asked, up to 1024', () => {
    expect(answers['GenerateRandom']).toBe(true);
    expect(answers['GenerateRandom of too many bytes']).toMatchObject({ error: 'InvalidParameter' });
  });

  test.each(['GetSecretValue', 'GetSecretValue by stage'])('%s gives every field', (name) => {
    expect(answers[name]).toMatchObject({
      SecretName: server.variables['KAAP_SECRET_NAME'],
      SecretData: '{"example":"value"}',
      SecretDataType: 'text',
      SecretType: 'Generic',
      VersionId: 'v1',
      VersionStages: ['ACSCurrent'],
      AutomaticRotation: 'Disabled',
    });
  });

  test.each([
    ['GetSecretValue of another secret', 'Forbidden.NoPermission'],
    ['Encrypt with another key', 'Forbidden.NoPermission'],
    ['Encrypt with an IV of the caller', 'UnsupportedOperation'],
    ['Encrypt with AES_CBC', 'UnsupportedOperation'],
    ['an unknown client key', 'Unauthorized'],
    ['Sign with a symmetric key', 'UnsupportedOperation'],
    ['Verify with a symmetric key', 'UnsupportedOperation'],
    ['GetPublicKey with a symmetric key', 'UnsupportedOperation'],
  ])('%s is refused with %s', (name, error) => {
    expect(answers[name]).toMatchObject({ error });
  });

  test.each([
    'GenerateDataKeyPair',
    'GenerateDataKeyPairWithoutPlaintext',
    'AdvanceGenerateDataKeyPair',
    'AdvanceGenerateDataKeyPairWithoutPlaintext',
  ])('%s gives a key pair whose private key opens again', (name) => {
    expect(answers[name]).toBe(true);
  });

  test('does not talk to the server unless it is given the certificate authority', () => {
    expect(answers['without the CA']).toMatchObject({ message: expect.stringContaining('x509') });
  });
});

describe.skipIf(!goIsThere)(`kms-20160120 for Go 3.2.3: ACS3${withoutGo}`, () => {
  let answers: Answers;
  beforeAll(async () => {
    answers = await runProgram(await buildGo('kms-20160120'), [], server.variables);
  }, buildTimeoutMs);

  test.each([
    'CreateAlias',
    'DescribeKey by alias',
    'ListKeys',
    'Encrypt and Decrypt',
    'GenerateDataKey',
    'ReEncrypt',
    'DisableKey',
    'ScheduleKeyDeletion',
    'CreateSecret',
    'GetSecretValue by stage',
    'ListSecretVersionIds',
    'GetRandomPassword',
    'DeleteSecret',
    'TagResources',
    'UntagResources',
    'DescribeApplicationAccessPoint',
    'CreateNetworkRule',
    'ListClientKeys and GetClientKey (both a GET)',
    'GetKmsInstance',
  ])('%s works', (name) => {
    expect(answers[name]).toBe(true);
  });

  test('fills the SDK’s own types', () => {
    expect(answers['CreateKey']).toMatchObject({
      Description: "interop (1) + *~!'",
      KeyState: 'Enabled',
      KeySpec: 'Aliyun_AES_256',
      Origin: 'Aliyun_KMS',
    });
    const stages = { VersionStage: ['ACSCurrent'] };
    expect(answers['GetSecretValue']).toMatchObject({ SecretData: '{"example":"value"}', VersionStages: stages });
    expect(answers['PutSecretValue']).toEqual(['ACSCurrent']);
    expect(answers['DescribePolicy']).toMatchObject({
      Permissions: ['RbacPermission/Template/CryptoServiceKeyUser', 'RbacPermission/Template/CryptoServiceSecretUser'],
      AccessControlRules: '{"NetworkRules":[]}',
    });
  });

  test('both generations of the tag API see the same tags', () => {
    const ResourceId = server.variables['KAAP_KEY_ID'];
    expect(answers['ListTagResources']).toEqual(
      ['stage', 'team'].map((TagKey) => ({
        ResourceId,
        ResourceType: 'key',
        TagKey,
        TagValue: TagKey === 'team' ? 'a b' : 'test',
      })),
    );
    expect(answers['ListResourceTags']).toContainEqual({ KeyId: ResourceId, TagKey: 'team', TagValue: 'a b' });
  });

  test.each([
    ['DescribeKey of no key', 'Forbidden.KeyNotFound', 404],
    ['Decrypt with another context', 'InvalidCiphertext', 400],
    ['Encrypt with a disabled key', 'Rejected.Disabled', 409],
    ['a wrong secret', 'SignatureDoesNotMatch', 400],
    ['a dry run', 'DryRunOperationError', 400],
  ])('%s is %s with status %i', (name, error, status) => {
    expect(answers[name]).toMatchObject({ error, status });
  });
});

describe.skipIf(!goIsThere)(`alibaba-cloud-sdk-go 1.63.107: RPC V1${withoutGo}`, () => {
  let answers: Answers;
  beforeAll(async () => {
    answers = await runProgram(await buildGo('alibaba-cloud-sdk-go'), [], server.variables);
  }, buildTimeoutMs);

  test.each(['DescribeKey', 'ListKeys', 'TagResources', 'Encrypt and Decrypt', 'GenerateDataKey', 'ListSecrets'])(
    '%s works',
    (name) => {
      expect(answers[name]).toBe(true);
    },
  );

  test('fills the SDK’s own types', () => {
    expect(answers['CreateKey']).toMatchObject({ Description: "interop (1) + *~!'", KeyState: 'Enabled' });
    expect(answers['GetSecretValue']).toEqual({
      data: '{"example":"value"}',
      version: 'v1',
      stages: ['ACSCurrent'],
    });
    expect(answers['ListTagResources']).toContainEqual(expect.objectContaining({ TagKey: 'owner', TagValue: 'a b' }));
  });

  test.each([
    'CreateCertificate',
    'the request, read by crypto/x509',
    'UploadCertificate',
    'GetCertificate',
    'CertificatePrivateKeySign',
    'CertificatePublicKeyVerify',
    'CertificatePublicKeyVerify of another message',
    'CertificatePublicKeyEncrypt',
    'CertificatePrivateKeyDecrypt',
    'UpdateCertificateStatus',
    'DeleteCertificate',
  ])('%s works', (name) => {
    expect(answers[name]).toBe(true);
  });

  test('DescribeCertificate fills the SDK’s own type', () => {
    expect(answers['DescribeCertificate']).toEqual({
      status: 'ACTIVE',
      names: ['shop.example.com'],
      issuer: 'CN=interop',
      serial: '1267',
      exportable: true,
    });
  });

  test.each([
    ['CertificatePrivateKeySign when revoked', 'Rejected.Disabled', 409],
    ['GetCertificate when deleted', 'Certificate.NotFound', 404],
    ['DescribeKey of no key', 'Forbidden.KeyNotFound', 404],
    ['a wrong secret', 'SignatureDoesNotMatch', 400],
  ])('%s is %s with status %i', (name, error, status) => {
    expect(answers[name]).toMatchObject({ error, status });
  });
});

describe.skipIf(!goIsThere)(`secretsmanager-client for Go 1.1.5${withoutGo}`, () => {
  let answers: Answers;
  beforeAll(async () => {
    answers = await runProgram(await buildGo('secretsmanager-client'), [], server.variables);
  }, buildTimeoutMs);

  test.each(['access key', 'client key, shared gateway', 'client key, instance gateway'])(
    'reads a secret by %s',
    (name) => {
      expect(answers[name]).toEqual({ value: '{"example":"value"}', version: 'v1' });
    },
  );

  test.each(['another secret by client key', 'another secret, shared gateway'])('%s is refused', (name) => {
    expect(answers[name]).toMatchObject({ error: expect.stringContaining('ErrorCode: Forbidden.NoPermission') });
  });
});
