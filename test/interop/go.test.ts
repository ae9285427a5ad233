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
    ['Sign', 'InvalidApiName'],
    ['Verify', 'InvalidApiName'],
    ['GetPublicKey', 'InvalidApiName'],
    ['GenerateDataKeyPair', 'InvalidApiName'],
    ['GenerateDataKeyPairWithoutPlaintext', 'InvalidApiName'],
    ['AdvanceGenerateDataKeyPair', 'InvalidApiName'],
    ['AdvanceGenerateDataKeyPairWithoutPlaintext', 'InvalidApiName'],
  ])('%s is refused with %s', (name, error) => {
    expect(answers[name]).toMatchObject({ error });
  });

  test('does not talk to the server unless it is given the certificate authority', () => {
    expect(answers['without the CA']).toMatchObject({ message: expect.stringContaining('x509') });
  });
});
