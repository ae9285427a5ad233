import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDevelopmentServer, type DevelopmentServer } from './development-server.ts';
import { has, interopCache, runProgram, type Answers } from './sdk-program.ts';

const pythonIsThere = has('python3', '-c', 'import sys, venv; sys.exit(sys.version_info < (3, 11))');
const withoutPython = pythonIsThere ? '' : ' (not run: python3 3.11 with venv is not on the PATH)';
const installTimeoutMs = 300_000;
const folder = join(import.meta.dirname, 'python');
const command = join(import.meta.dirname, '../../src/cmd/kaap.ts');
const dataKeyName = 'interop/files';
const execute = promisify(execFile);

/** The Python of a virtual environment with what `requirements-<name>.txt` pins; made once for each text of it. */
async function pythonWith(name: string): Promise<string> {
  const requirements = join(folder, `requirements-${name}.txt`);
  const digest = createHash('sha256').update(await readFile(requirements));
  const environment = interopCache('python', `${name}-${digest.digest('hex').slice(0, 12)}`);
  const python = join(environment, 'bin', 'python');
  const complete = join(environment, 'complete');
  if (existsSync(complete)) return python;
  await execute('python3', ['-m', 'venv', '--clear', environment]);
  await execute(python, ['-m', 'pip', 'install', '--quiet', '-r', requirements]);
  await writeFile(complete, '');
  return python;
}

async function answersOf(requirements: string, program: string, server: DevelopmentServer): Promise<Answers> {
  const variables = { ...server.variables, KAAP_DATA_KEY_NAME: dataKeyName };
  return runProgram(await pythonWith(requirements), [join(folder, program)], variables);
}

let server: DevelopmentServer;
beforeAll(async () => {
  if (pythonIsThere) server = await startDevelopmentServer();
});
afterAll(() => server?.close());

const secret = { SecretData: '{"example":"value"}', VersionStages: { VersionStage: ['ACSCurrent'] } };

describe.skipIf(!pythonIsThere)(`alibabacloud_kms20160120 3.3.1: ACS3${withoutPython}`, () => {
  let answers: Answers;
  beforeAll(async () => {
    const kaap = (...words: string[]): Promise<unknown> =>
      execute(process.execPath, [command, 'data-key', ...words], { env: { ...process.env, ...server.variables } });
    await kaap('create', dataKeyName, '--key', server.variables['KAAP_KEY_ID'] ?? '');
    await kaap('rotate', dataKeyName);
    answers = await answersOf('openapi', 'kms20160120.py', server);
  }, installTimeoutMs);

  test('reads managed data keys and lists their versions', () => {
    const listed = answers['ListManagedDataKeyVersions'] as {
      ManagedDataKeyVersions: { ManagedDataKeyVersion: Answers[] };
    };
    const [first, latest] = listed.ManagedDataKeyVersions.ManagedDataKeyVersion;
    expect(listed).toMatchObject({ DataKeyName: dataKeyName, TotalCount: 2, PageSize: 10 });
    const Plaintext = expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/);
    expect(answers['GetManagedDataKey']).toMatchObject({ DataKeyName: dataKeyName, ...first, Plaintext });
    expect(answers['GetManagedDataKey, latest']).toMatchObject({ DataKeyName: dataKeyName, ...latest, Plaintext });
    expect(first?.['DataKeyVersionName']).toBe(
      `kms-datakeyversion!${dataKeyName}!${String(first?.['DataKeyVersionId'])}`,
    );
  });

  test('encrypts, decrypts and makes data keys', () => {
    expect(answers).toMatchObject({ 'Encrypt and Decrypt': true, GenerateDataKey: true });
  });

  test('fills the SDK’s own types', () => {
    expect(answers['CreateKey']).toMatchObject({ Description: "interop (1) + *~!'", KeyState: 'Enabled' });
    expect(answers['ListClientKeys']).toBe(1);
    expect(answers['ListTagResources']).toEqual([
      { ResourceId: server.variables['KAAP_KEY_ID'], ResourceType: 'key', TagKey: 'python', TagValue: 'a b' },
    ]);
  });

  test.each(['GetSecretValue', 'GetSecretValue, asynchronous'])('%s reads the secret', (name) => {
    expect(answers[name]).toMatchObject(secret);
  });

  test.each([
    ['DescribeKey of no key', 'Forbidden.KeyNotFound', 404],
    ['Decrypt with another context', 'InvalidCiphertext', 400],
    ['GetManagedDataKey of no version', 'Forbidden.ResourceNotFound', 404],
    ['a dry run', 'DryRunOperationError', 400],
    ['a wrong secret', 'SignatureDoesNotMatch', 400],
  ])('%s is %s with status %i', (name, error, status) => {
    expect(answers[name]).toEqual({ error, status });
  });
});

describe.skipIf(!pythonIsThere)(`aliyun-python-sdk-kms 2.16.5: RPC V1${withoutPython}`, () => {
  let answers: Answers;
  beforeAll(async () => {
    answers = await answersOf('openapi', 'rpc.py', server);
  }, installTimeoutMs);

  test('creates and lists keys, encrypts, decrypts and reads a secret', () => {
    expect(answers).toMatchObject({ 'Encrypt and Decrypt': true, ListKeys: true, GetSecretValue: secret });
    expect(answers['CreateKey']).toMatchObject({ Description: "interop (1) + *~!'", KeyState: 'Enabled' });
  });

  test.each([
    ['DescribeKey of no key', 'Forbidden.KeyNotFound', 404],
    ['Decrypt with another context', 'InvalidCiphertext', 400],
    ['a wrong secret', 'SignatureDoesNotMatch', 400],
  ])('%s is %s with status %i', (name, error, status) => {
    expect(answers[name]).toEqual({ error, status });
  });
});

describe.skipIf(!pythonIsThere)(`alibabacloud-dkms-gcs 1.0.2: client key, protobuf${withoutPython}`, () => {
  let answers: Answers;
  beforeAll(async () => {
    answers = await answersOf('dkms-gcs', 'dkms_gcs.py', server);
  }, installTimeoutMs);

  test.each([
    'Encrypt and Decrypt',
    'AdvanceEncrypt and AdvanceDecrypt',
    'GenerateDataKey and AdvanceGenerateDataKey',
    'GenerateDataKeyPair',
    'AdvanceGenerateDataKeyPair',
    'GenerateRandom',
  ])('%s works', (name) => {
    expect(answers[name]).toBe(true);
  });

  test('reads its secret and no other', () => {
    expect(answers['GetSecretValue']).toEqual({ data: secret.SecretData, version: 'v1', stages: ['ACSCurrent'] });
    expect(answers['another secret']).toEqual({ error: 'Forbidden.NoPermission' });
  });
});

describe.skipIf(!pythonIsThere)(`aliyun-secret-manager-client 0.1.5: client key, protobuf${withoutPython}`, () => {
  test(
    'reads its secret and no other',
    async () => {
      expect(await answersOf('secretsmanager-client', 'secretsmanager_client.py', server)).toEqual({
        'client key': { value: secret.SecretData, version: 'v1' },
        'another secret by client key': { error: 'Forbidden.NoPermission' },
      });
    },
    installTimeoutMs,
  );
});

describe.skipIf(!pythonIsThere)(`alibabacloud-secretsmanager-client-v2 2.0.0: access key, ACS3${withoutPython}`, () => {
  test(
    'reads text and binary, keeps what it read, reads anew when told to, and names a refusal',
    async () => {
      const answers = await answersOf('secretsmanager-client-v2', 'secretsmanager_client_v2.py', server);
      const one = { value: 'one', version: 'v1', type: 'text' };
      expect(answers).toEqual({
        first: one,
        text: secret.SecretData,
        binary: { value: 'AP8=', version: 'v1', type: 'binary' },
        'from the cache': one,
        refreshed: { ...one, value: 'two', version: 'v2' },
        'a secret that is not there': { error: 'Forbidden.ResourceNotFound' },
      });
    },
    installTimeoutMs,
  );
});
