import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { credential, prefix, region, secondCredential } from '../support/xki-scene.ts';
import { readKeyFile, readSealKey, writeKeyFile, type OwnedKey } from '../../src/storage/xki-key-file.ts';
import { testAuthority } from '../support/tls.ts';
import { runKaapXki } from './run-kaap-xki.ts';

const sources = resolve(import.meta.dirname, '../../src/cmd');

/** Keys of the owner besides `full`, with the usages that the conformance client expects. */
const others: readonly Pick<OwnedKey, 'id' | 'status' | 'usage'>[] = [
  { id: 'disabled', status: 'DISABLED', usage: ['ENCRYPT', 'DECRYPT'] },
  { id: 'encrypt-only', status: 'ENABLED', usage: ['ENCRYPT'] },
  { id: 'decrypt-only', status: 'ENABLED', usage: ['DECRYPT'] },
  { id: 'impotent', status: 'ENABLED', usage: [] },
];

export interface ProxyProcessOptions {
  /** Socket of an `hsm` process: the keys are in its token. */
  hsmSocket?: string;
  /** PEM of whom clients' certificates come from. */
  clientCaPem?: string;
  policyUrl?: string;
  policyCaPem?: string;
  /** Calls a second. */
  rateLimit?: { perCredential?: number; perKey?: number };
  /** Access keys of the prefix; the first one unless given. */
  credentials?: readonly (typeof credential)[];
}

/** `xki-proxy` as an owner runs it: a process, with its configuration and its keys made by the command line. */
export interface ProxyProcess {
  readonly endpoint: string;
  readonly caFile: string;
  readonly folder: string;
  /** Runs `kaap xki key …` on the proxy's keys. */
  kaap(...args: string[]): Promise<void>;
  /** Lines of the audit log. */
  audit(): string;
  stop(): Promise<void>;
}

export async function startProxyProcess(options: ProxyProcessOptions = {}): Promise<ProxyProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'kaap-xki-process-'));
  const put = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  const authority = testAuthority();
  const { certPem, keyPem } = authority.issue();
  const caFile = put('ca.pem', authority.caPem);
  const file = join(folder, 'keys.json');
  const sealKeyFile = put('seal.key', `${Buffer.alloc(32, 7).toString('base64')}\n`);
  const kaap = (...args: string[]): Promise<void> =>
    runKaapXki('key', ...args, '--file', file, '--seal-key', sealKeyFile);
  const held = options.hsmSocket === undefined ? [] : ['--hsm-socket', options.hsmSocket];
  await kaap('create', 'full', ...held);
  const sealKey = await readSealKey(sealKeyFile);
  const [full] = await readKeyFile(file, sealKey);
  if (full === undefined) throw new Error('kaap xki key create made no key');
  // All on one key: what tells them apart is the file.
  await writeKeyFile(file, sealKey, [full, ...others.map((key) => ({ ...full, ...key }))]);
  const keys = { file, sealKeyFile };
  const credentials = (options.credentials ?? [credential]).map(({ accessKeyId, secretAccessKey }) => ({
    accessKeyId,
    secretAccessKeyFile: put(accessKeyId, secretAccessKey),
  }));
  mkdirSync(join(folder, 'audit'));
  const configuration = {
    listen: '127.0.0.1:0',
    metricsListen: '127.0.0.1:0',
    lingerSeconds: 0,
    region,
    tls: {
      certificateFile: put('tls.crt', certPem),
      keyFile: put('tls.key', keyPem),
      ...(options.clientCaPem !== undefined && { clientCaFile: put('clients.pem', options.clientCaPem) }),
    },
    auditDir: join(folder, 'audit'),
    ...(options.policyUrl !== undefined && { policyUrl: options.policyUrl }),
    ...(options.policyCaPem !== undefined && { policyCaFile: put('policy.pem', options.policyCaPem) }),
    ...(options.rateLimit !== undefined && { rateLimit: options.rateLimit }),
    keys:
      options.hsmSocket === undefined
        ? { kind: 'file', ...keys }
        : { kind: 'pkcs11', ...keys, socket: options.hsmSocket },
    prefixes: [{ path: prefix, credentials, keyIds: ['full', 'missing', ...others.map(({ id }) => id)] }],
  };
  const child = spawn(process.execPath, [join(sources, 'xki-proxy.ts')], {
    env: { PATH: process.env['PATH'] ?? '', KAAP_XKI_CONFIG: put('proxy.json', JSON.stringify(configuration)) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const gone = once(child, 'exit');
  const port = await servingPort(child.stderr);
  return {
    endpoint: `https://localhost:${port}`,
    caFile,
    folder,
    kaap,
    audit: () => {
      const log = join(folder, 'audit/log');
      return readdirSync(log)
        .map((name) => readFileSync(join(log, name), 'utf8'))
        .join('');
    },
    stop: async () => {
      child.kill('SIGTERM');
      await gone;
      rmSync(folder, { recursive: true });
    },
  };
}

/** The second access key, as {@link ProxyProcessOptions.credentials} takes it while the first is being replaced. */
export const bothCredentials: readonly (typeof credential)[] = [credential, secondCredential];

function servingPort(log: NodeJS.ReadableStream): Promise<number> {
  const lines: string[] = [];
  return new Promise((resolvePort, reject) => {
    const reader = createInterface({ input: log });
    reader.on('line', (line) => {
      lines.push(line);
      const port = /"port":(\d+).*"msg":"xki-proxy serves"/.exec(line)?.[1];
      if (port !== undefined) resolvePort(Number(port));
    });
    reader.once('close', () => reject(new Error(`xki-proxy ended before it served: ${lines.join('\n')}`)));
  });
}
