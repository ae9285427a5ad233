import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDevelopmentServer, type DevelopmentServer } from './development-server.ts';
import { has, interopCache, runProgram, type Answers } from './sdk-program.ts';

const javaIsThere = has('javac', '-version') && has('mvn', '-v');
const withoutJava = javaIsThere ? '' : ' (not run: javac and mvn are not on the PATH)';
const buildTimeoutMs = 300_000;
/** The trust store holds a certificate and no key; Java wants a password all the same. */
const storePassword = 'changeit';
const folder = join(import.meta.dirname, 'java');
const execute = promisify(execFile);

/** The one program in `java/<project>`. */
async function sourceOf(project: string): Promise<string> {
  const sources = join('src', 'main', 'java', 'dev', 'kaap', 'interop');
  const [file = ''] = await readdir(join(folder, project, sources));
  return join(sources, file);
}

/** Compiles `java/<project>` with its libraries into a folder of the cache, once for each text of it. Returns the class path. */
async function classPath(project: string): Promise<string> {
  const pom = join(folder, project, 'pom.xml');
  const texts = [await readFile(pom), await readFile(join(folder, project, await sourceOf(project)))];
  const digest = createHash('sha256').update(Buffer.concat(texts)).digest('hex').slice(0, 12);
  const output = interopCache('java', `${project}-${digest}`);
  const complete = join(output, 'complete');
  if (!existsSync(complete)) {
    const goal = ['-q', '-B', '-f', pom, `-Dinterop.output=${output}`, 'prepare-package'];
    await execute('mvn', goal, { maxBuffer: 1 << 24 });
    await writeFile(complete, '');
  }
  return [join(output, 'classes'), join(output, 'lib', '*')].join(delimiter);
}

/** Runs the program of a project; the server's authority is the only one that its Java trusts. */
async function answersOf(project: string, server: DevelopmentServer): Promise<Answers> {
  const store = join(await mkdtemp(join(tmpdir(), 'kaap-java-')), 'trust.p12');
  const authority = ['-file', server.variables['KAAP_CA_FILE'] ?? '', '-alias', 'kaap'];
  const target = ['-keystore', store, '-storetype', 'PKCS12', '-storepass', storePassword];
  try {
    await execute('keytool', ['-importcert', '-noprompt', ...authority, ...target]);
    const trust = [`-Djavax.net.ssl.trustStore=${store}`, `-Djavax.net.ssl.trustStorePassword=${storePassword}`];
    const main = `dev.kaap.interop.${basename(await sourceOf(project), '.java')}`;
    return await runProgram('java', [...trust, '-cp', await classPath(project), main], server.variables);
  } finally {
    await rm(dirname(store), { recursive: true });
  }
}

let server: DevelopmentServer;
beforeAll(async () => {
  if (javaIsThere) server = await startDevelopmentServer();
});
afterAll(() => server?.close());

describe.skipIf(!javaIsThere)(`com.aliyun:kms20160120 1.2.3 for Java: ACS3${withoutJava}`, () => {
  let answers: Answers;
  beforeAll(async () => {
    answers = await answersOf('kms20160120', server);
  }, buildTimeoutMs);

  test('encrypts, decrypts and makes data keys', () => {
    expect(answers).toMatchObject({ 'Encrypt and Decrypt': true, GenerateDataKey: true });
  });

  test('fills the SDK’s own types', () => {
    expect(answers['CreateKey']).toMatchObject({ Description: "interop (1) + *~!'", KeyState: 'Enabled' });
    expect(answers['GetSecretValue']).toMatchObject({
      SecretData: '{"example":"value"}',
      VersionStages: { VersionStage: ['ACSCurrent'] },
    });
    expect(answers['ListClientKeys']).toBe(1);
  });

  test.each([
    ['DescribeKey of no key', 'Forbidden.KeyNotFound', 404],
    ['Decrypt with another context', 'InvalidCiphertext', 400],
    ['a wrong secret', 'SignatureDoesNotMatch', 400],
  ])('%s is %s with status %i', (name, error, status) => {
    expect(answers[name]).toEqual({ error, status });
  });
});

describe.skipIf(!javaIsThere)(`secretsmanager-client 1.3.7 and dkms-gcs-sdk 0.5.2 for Java${withoutJava}`, () => {
  let answers: Answers;
  beforeAll(async () => {
    answers = await answersOf('secretsmanager-client', server);
  }, buildTimeoutMs);

  test.each(['access key', 'client key'])('the secret is read by %s', (name) => {
    expect(answers[name]).toEqual({ value: '{"example":"value"}', version: 'v1' });
  });

  test.each(['Encrypt and Decrypt', 'AdvanceEncrypt and AdvanceDecrypt', 'AdvanceGenerateDataKey'])(
    '%s opens what was sealed',
    (name) => {
      expect(answers[name]).toBe(true);
    },
  );

  test('data keys and random bytes have the length asked for', () => {
    expect(answers).toMatchObject({ GenerateDataKey: 32, GenerateRandom: 48 });
  });

  test.each([
    ['Decrypt with another AAD', 'InvalidCiphertext'],
    ['a wrong access key', 'SignatureDoesNotMatch'],
    ['another secret by client key', 'Forbidden.NoPermission'],
  ])('%s is refused with %s', (name, error) => {
    expect(answers[name]).toEqual({ error });
  });
});
