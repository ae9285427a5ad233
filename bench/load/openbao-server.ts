import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testAuthority } from '../../test/support/tls.ts';
import { freePorts } from '../../tools/cluster/free-ports.ts';
import { ProcessGroup } from '../../tools/cluster/process-group.ts';
import { usageOf } from './process-usage.ts';
import type { ServerUsage } from './server-process.ts';

/** An OpenBao server, unsealed and active, with something to encrypt with and something to read. */
export interface OpenBaoServer {
  /** Such as `v2.7.2`. */
  version: string;
  endpoint: string;
  caPem: string;
  /** May do what is measured, and nothing else. */
  token: string;
  /** What it gave for the plaintext that it was started with. */
  ciphertext: string;
  usage(): Promise<ServerUsage>;
  close(): Promise<void>;
}

/** What it keeps. */
export interface OpenBaoContent {
  /** Base64. */
  plaintext: string;
  /** The one field, `value`, of the secret `bench`. */
  secret: string;
}

const startTimeoutMs = 30_000;

/**
 * As in production, not by `-dev`: TLS with a certificate of its own, the integrated storage (`raft`, the one that is
 * recommended; https://openbao.org/docs/configuration/storage), a file audit device. It has no mlock any more.
 */
function configuration(folder: string, [port = 0, clusterPort = 0]: readonly number[]): string {
  return `
listener "tcp" {
  address       = "127.0.0.1:${port}"
  tls_cert_file = "${join(folder, 'cert.pem')}"
  tls_key_file  = "${join(folder, 'key.pem')}"
}
storage "raft" {
  path    = "${folder}"
  node_id = "bench"
}
audit "file" "file" {
  options {
    file_path = "${join(folder, 'audit.log')}"
  }
}
api_addr     = "https://localhost:${port}"
cluster_addr = "https://127.0.0.1:${clusterPort}"
`;
}

const policy = `
path "transit/encrypt/bench" { capabilities = ["update"] }
path "transit/decrypt/bench" { capabilities = ["update"] }
path "secret/data/bench" { capabilities = ["read"] }
`;

/** Its own command line, which answers in JSON. */
class OpenBaoCli {
  readonly #program: string;
  readonly #environment: Record<string, string>;

  constructor(program: string, endpoint: string, caFile: string) {
    this.#program = program;
    this.#environment = { BAO_ADDR: endpoint, BAO_CACERT: caFile, BAO_FORMAT: 'json' };
  }

  /** The environment of every later call has this token. */
  signIn(token: string): void {
    this.#environment['BAO_TOKEN'] = token;
  }

  async run<T = unknown>(args: readonly string[], input = ''): Promise<T> {
    return JSON.parse(await this.text(args, input)) as T;
  }

  text(args: readonly string[], input = ''): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = { env: { ...process.env, ...this.#environment } };
      const child = execFile(this.#program, args, options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`bao ${args.slice(0, 2).join(' ')} failed: ${stderr}`, { cause: error }));
      });
      child.stdin?.end(input);
    });
  }

  /** Whether the server can be asked already: it ends with 2 while it has not been initialized, with 1 before. */
  answers(): Promise<boolean> {
    return this.text(['operator', 'init', '-status']).then(
      () => true,
      (error: unknown) => (error as { cause: { code: number } }).cause.code === 2,
    );
  }

  /** Whether it is unsealed and has elected itself. */
  isActive(): Promise<boolean> {
    return this.run<{ data: { is_self: boolean } }>(['read', 'sys/leader']).then(
      ({ data }) => data.is_self,
      () => false,
    );
  }
}

/** Starts `program`, a `bao` binary, with its state in a new temporary folder. */
export async function startOpenBao(program: string, content: OpenBaoContent): Promise<OpenBaoServer> {
  const folder = await mkdtemp(join(tmpdir(), 'kaap-bao-'));
  const authority = testAuthority();
  const { certPem, keyPem } = authority.issue();
  const ports = await freePorts(2);
  const files = {
    'ca.pem': authority.caPem,
    'cert.pem': certPem,
    'key.pem': keyPem,
    'bao.hcl': configuration(folder, ports),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 });
  const group = new ProcessGroup(folder, ['setpriv', '--pdeathsig', 'KILL']);
  const endpoint = `https://localhost:${ports[0]}`;
  const cli = new OpenBaoCli(program, endpoint, join(folder, 'ca.pem'));
  group.start('bao', [program, 'server', `-config=${join(folder, 'bao.hcl')}`]);
  await group.waitFor('bao', () => cli.answers(), startTimeoutMs);
  await unseal(cli);
  await group.waitFor('bao', () => cli.isActive(), startTimeoutMs);
  const made = await fill(cli, content);
  const audit = await readFile(join(folder, 'audit.log'), 'utf8');
  if (!audit.includes('transit/encrypt/bench')) throw new Error('OpenBao does not write its audit log.');
  const pid = group.all()['bao']?.pid ?? 0;
  return {
    ...made,
    endpoint,
    caPem: authority.caPem,
    usage: () => {
      const { cpuSeconds, residentMiB } = usageOf(pid);
      return Promise.resolve({ cpuMs: cpuSeconds * 1000, rssMiB: residentMiB, loopP99Ms: 0 });
    },
    close: async () => {
      await group.stop(5_000);
      await rm(folder, { recursive: true });
    },
  };
}

async function unseal(cli: OpenBaoCli): Promise<void> {
  const shares = ['-key-shares=1', '-key-threshold=1'];
  const {
    unseal_keys_b64: [key = ''],
    root_token,
  } = await cli.run<{ unseal_keys_b64: string[]; root_token: string }>(['operator', 'init', ...shares]);
  await cli.text(['operator', 'unseal', key]);
  cli.signIn(root_token);
}

async function fill(
  cli: OpenBaoCli,
  { plaintext, secret }: OpenBaoContent,
): Promise<Pick<OpenBaoServer, 'version' | 'token' | 'ciphertext'>> {
  await cli.text(['secrets', 'enable', 'transit']);
  await cli.text(['write', '-f', 'transit/keys/bench', 'type=aes256-gcm96']);
  await cli.text(['secrets', 'enable', '-path=secret', '-version=2', 'kv']);
  await cli.text(['kv', 'put', '-mount=secret', 'bench', `value=${secret}`]);
  await cli.text(['policy', 'write', 'bench', '-'], policy);
  const { auth } = await cli.run<{ auth: { client_token: string } }>([
    'token',
    'create',
    '-policy=bench',
    '-no-default-policy',
  ]);
  const sealing = ['write', 'transit/encrypt/bench', `plaintext=${plaintext}`];
  const { data } = await cli.run<{ data: { ciphertext: string } }>(sealing);
  const version = /v[\d.]+/.exec(await cli.text(['version']))?.[0] ?? 'of an unknown version';
  return { version, token: auth.client_token, ciphertext: data.ciphertext };
}
