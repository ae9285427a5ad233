import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { rootCredentialFile, type RootCredential } from '../../src/cli/connection.ts';
import { KmsClient, staticCredentials } from '../../src/client/kms-client.ts';
import { newAuthority } from '../../src/cmd/serving-authority.ts';
import { systemClock } from '../../src/lib/clock.ts';

/** What a `kms` process needs before its first start; kept over restarts. */
export interface KmsHome {
  readonly dataDir: string;
  readonly caPem: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** A running `kms` process of a test's own. */
export interface KmsProcess {
  readonly pid: number;
  /** `https://localhost:<port>`. */
  readonly endpoint: string;
  /** Signs as the account's root; each call is sent once, so that a write whose answer was lost is not repeated. */
  readonly client: KmsClient;
  /** Everything that it has written, to standard output and error. */
  log(): string;
  /** Ends the process as SIGKILL or SIGTERM do; resolves when it is gone. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

/** Makes authority and seal key in `folder`; the state goes to `dataDir`, `<folder>/data` unless given. */
export async function makeKmsHome(folder: string, environment: Record<string, string> = {}): Promise<KmsHome> {
  const authority = newAuthority(systemClock);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'ca.crt'), authority.certificatePem);
  await writeFile(join(folder, 'ca.key'), authority.privateKeyPem, { mode: 0o600 });
  await writeFile(join(folder, 'seal.key'), `${Buffer.alloc(32, 9).toString('base64')}\n`, { mode: 0o600 });
  const dataDir = environment['KAAP_DATA_DIR'] ?? join(folder, 'data');
  return {
    dataDir,
    caPem: authority.certificatePem,
    environment: {
      KAAP_LISTEN: '127.0.0.1:0',
      KAAP_METRICS_LISTEN: '127.0.0.1:0',
      KAAP_LINGER_SECONDS: '0',
      KAAP_CA_DIR: folder,
      KAAP_SEAL_FILE: join(folder, 'seal.key'),
      KAAP_DATA_DIR: dataDir,
      ...environment,
    },
  };
}

const deployedProgram = join(import.meta.dirname, '..', '..', 'src', 'cmd', 'kms.ts');

/** Starts the program, as it is deployed unless given; rejects with its last lines when it ends before it serves. */
export async function startKmsProcess(home: KmsHome, program: string = deployedProgram): Promise<KmsProcess> {
  const child = spawn(process.execPath, [program], {
    env: { ...process.env, ...home.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const gone = once(child, 'exit');
  const written: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => written.push(chunk.toString()));
  const port = await servingPort(child);
  const root = JSON.parse(await readFile(join(home.dataDir, rootCredentialFile), 'utf8')) as RootCredential;
  const endpoint = `https://localhost:${port}`;
  const client = new KmsClient({
    endpoint,
    caPem: home.caPem,
    region: 'local',
    maxAttempts: 1,
    credentials: staticCredentials({ accessKeyId: root.AccessKeyId, accessKeySecret: root.AccessKeySecret }),
  });
  return {
    pid: child.pid ?? 0,
    endpoint,
    client,
    log: () => written.join(''),
    end: async (signal) => {
      child.kill(signal);
      await gone;
      client.close();
    },
  };
}

/** The log is on standard error. */
function servingPort(child: ChildProcess): Promise<number> {
  const lines: string[] = [];
  return new Promise((resolve, reject) => {
    if (child.stderr === null) throw new Error('standard error must be a pipe');
    const reader = createInterface({ input: child.stderr });
    reader.on('line', (line) => {
      lines.splice(0, Math.max(0, lines.length - 10));
      lines.push(line);
      const port = /"port":(\d+).*"msg":"kms serves"/.exec(line)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
    reader.once('close', () => reject(new Error(`kms ended before it served: ${lines.join('\n')}`)));
  });
}
