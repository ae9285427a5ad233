import { createHash } from 'node:crypto';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, test } from 'vitest';
import { KmsClient, staticCredentials } from '../../../src/client/kms-client.ts';
import { agentEnvironment, bunPackage, compileAgent } from '../../../tools/agent/runtime.ts';
import { agentConfigVariable, type AgentConfig } from '../../../webhook/agent/agent-config.ts';
import { startDevelopmentServer, type DevelopmentServer } from '../../interop/development-server.ts';
import { testAuthority } from '../../support/tls.ts';

const checkout = resolve(import.meta.dirname, '../../..');
let folder: string;
let program: string;
let server: DevelopmentServer;

const variable = (name: string): string => server.variables[name] ?? '';

/** A configuration for the server, with files below a folder of its own. */
function configOf(name: string): AgentConfig {
  const home = join(folder, name);
  mkdirSync(home);
  writeFileSync(join(home, 'password'), variable('KAAP_CLIENT_KEY_PASSWORD'));
  const clientKeyFile = variable('KAAP_CLIENT_KEY_FILE');
  const binding = {
    name: 'db',
    accessPoint: 'dev',
    identity: { method: 'ClientKey' as const, clientKeyFile, passwordFile: join(home, 'password') },
    sources: [{ name: 'db', secretName: variable('KAAP_SECRET_NAME') }],
    env: [{ name: 'DB', source: 'db' }],
    files: [{ path: join(home, 'files', 'db'), source: 'db', mode: '0440' }],
    refreshSeconds: 10,
  };
  return {
    version: 1,
    endpoint: variable('KAAP_ENDPOINT'),
    caPem: readFileSync(variable('KAAP_CA_FILE'), 'utf8'),
    region: 'local',
    accountId: '1000000000000000',
    envFile: join(home, 'env', 'env'),
    readyFile: join(home, 'env', '.ready'),
    bindings: [binding],
  };
}

interface Started {
  agent: ChildProcess;
  said: () => string;
  ended: Promise<unknown[]>;
}

/** Starts the executable as its container does: with what image and webhook say in the environment, and nothing else. */
function start(configuration: string, cwd: string = folder): Started {
  const env = { ...agentEnvironment, [agentConfigVariable]: configuration };
  const agent = spawn(program, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
  onTestFinished(() => void agent.kill('SIGKILL'));
  let said = '';
  agent.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return { agent, said: () => said, ended: once(agent, 'exit') };
}

async function until({ said }: Started, what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}; the agent said: ${said()}`);
    await sleep(10);
  }
}

test.each([
  ['linux', 'x64', '@oven/bun-linux-x64'],
  ['linux', 'arm64', '@oven/bun-linux-aarch64'],
])('Bun for %s on %s comes from %s', (platform, processor, name) => {
  expect(bunPackage(platform, processor)).toBe(name);
});

test.each([
  ['darwin', 'arm64'],
  ['linux', 's390x'],
])('there is no agent for %s on %s', (platform, processor) => {
  expect(() => bunPackage(platform, processor)).toThrow(`not on ${platform} for ${processor}`);
});

describe.skipIf(process.platform !== 'linux')('The agent as one executable (made on Linux)', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kaap-executable-'));
    program = compileAgent(checkout, join(folder, 'kaap-agent'));
    server = await startDevelopmentServer();
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  it('is the same file whenever it is made of the same sources', () => {
    const again = compileAgent(checkout, join(mkdtempSync(join(folder, 'again-')), 'kaap-agent'));
    const [first, second] = [program, again].map((path) =>
      createHash('sha256').update(readFileSync(path)).digest('hex'),
    );
    expect(second).toBe(first);
  });

  it('delivers by a client key, follows a new version and ends when told to, with no memory to write and execute', async () => {
    const config = configOf('delivers');
    const file = config.bindings[0]?.files[0]?.path ?? '';
    const started = start(JSON.stringify(config));
    await until(started, 'secrets in place', () => existsSync(config.readyFile));
    const accessKeyId = variable('ALIBABA_CLOUD_ACCESS_KEY_ID');
    const credentials = staticCredentials({
      accessKeyId,
      accessKeySecret: variable('ALIBABA_CLOUD_ACCESS_KEY_SECRET'),
    });
    const client = new KmsClient({ endpoint: config.endpoint, caPem: config.caPem, region: 'local', credentials });
    onTestFinished(() => client.close());
    const SecretName = variable('KAAP_SECRET_NAME');
    const maps = readFileSync(`/proc/${started.agent.pid}/maps`, 'utf8');
    expect(maps).toContain('r-xp');
    expect(maps).not.toContain('rwx');
    const { SecretData } = await client.getSecretValue({ SecretName });
    expect(readFileSync(file, 'utf8')).toBe(SecretData);
    expect(statSync(file).mode & 0o777).toBe(0o440);
    expect(readFileSync(config.envFile, 'utf8')).toContain(SecretData);
    await client.putSecretValue({ SecretName, SecretData: 'the next one', VersionId: 'executable-2' });
    await until(started, 'the new version', () => readFileSync(file, 'utf8') === 'the next one');
    started.agent.kill('SIGTERM');
    expect(await started.ended).toEqual([0, null]);
    expect(started.said()).not.toContain('the next one');
  });

  it('C8: gives nothing to a server of another authority, and says why no secret is there', async () => {
    const config = { ...configOf('distrusts'), caPem: testAuthority().caPem };
    const started = start(JSON.stringify(config));
    await until(started, 'what is wrong', () => started.said().includes('is not trusted'));
    expect(existsSync(config.readyFile)).toBe(false);
  });

  it('says what is wrong with its configuration and ends with status 1', async () => {
    const { ended, said } = start('{"version":2}');
    expect(await ended).toEqual([1, null]);
    expect(JSON.parse(said())).toMatchObject({ level: 'error', name: 'agent', reason: 'version must be 1' });
  });

  it('has in its image the environment with which it is tested here', () => {
    const stage = /^FROM .* AS agent\n[^]*?(?=^FROM|$(?![^]))/m.exec(
      readFileSync(join(checkout, 'Dockerfile'), 'utf8'),
    )?.[0];
    const set = [...(stage ?? '').matchAll(/^ENV (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]);
    expect(Object.fromEntries(set)).toEqual(agentEnvironment);
  });

  it('runs no code and takes no setting of the folder that it starts in', async () => {
    const home = mkdtempSync(join(folder, 'cwd-'));
    writeFileSync(join(home, 'evil.js'), `require('node:fs').writeFileSync(${JSON.stringify(join(home, 'ran'))}, '')`);
    writeFileSync(join(home, 'bunfig.toml'), 'preload = ["./evil.js"]\n');
    writeFileSync(join(home, '.env'), `${agentConfigVariable}={"version":3}\nBUN_OPTIONS=--preload=./evil.js\n`);
    writeFileSync(join(home, 'package.json'), '{"name":"evil","main":"evil.js","type":"module"}');
    const { ended, said } = start('{"version":2}', home);
    await ended;
    expect(said()).toContain('version must be 1');
    expect(existsSync(join(home, 'ran'))).toBe(false);
    const { ended: unset, said: without } = start('', home);
    await unset;
    expect(without()).not.toContain('version must be 1');
  });
});
