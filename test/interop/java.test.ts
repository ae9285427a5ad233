import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDevelopmentServer, type DevelopmentServer } from './development-server.ts';
import { has, interopCache, runProgram, type Answers } from './sdk-program.ts';

const javaIsThere = has('javac', '-version') && has('mvn', '-v');
const withoutJava = javaIsThere ? '' : ' (not run: javac and mvn are not on the PATH)';
const buildTimeoutMs = 300_000;
const folder = join(import.meta.dirname, 'java');
const execute = promisify(execFile);

/** Compiles the program with its libraries into a folder of the cache, once for each text of it. Returns the class path. */
async function classPath(): Promise<string> {
  const sources = ['pom.xml', 'src/main/java/dev/kaap/interop/Kms20160120.java'];
  const texts = await Promise.all(sources.map((name) => readFile(join(folder, name))));
  const digest = createHash('sha256').update(Buffer.concat(texts)).digest('hex').slice(0, 12);
  const output = interopCache('java', digest);
  const complete = join(output, 'complete');
  if (!existsSync(complete)) {
    const goal = ['-q', '-B', '-f', join(folder, 'pom.xml'), `-Dinterop.output=${output}`, 'prepare-package'];
    await execute('mvn', goal, { maxBuffer: 1 << 24 });
    await writeFile(complete, '');
  }
  return [join(output, 'classes'), join(output, 'lib', '*')].join(delimiter);
}

describe.skipIf(!javaIsThere)(`com.aliyun:kms20160120 1.2.3 for Java: ACS3${withoutJava}`, () => {
  let server: DevelopmentServer;
  let answers: Answers;
  beforeAll(async () => {
    server = await startDevelopmentServer();
    answers = await runProgram('java', ['-cp', await classPath(), 'dev.kaap.interop.Kms20160120'], server.variables);
  }, buildTimeoutMs);
  afterAll(() => server?.close());

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
