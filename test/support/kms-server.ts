import { readFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCredentialFile, type RootCredential } from '../../src/cli/connection.ts';
import { KmsClient, staticCredentials } from '../../src/client/kms-client.ts';
import { readKmsConfig } from '../../src/cmd/kms-config.ts';
import { startKmsService, type KmsService, type KmsServiceDependencies } from '../../src/cmd/kms-service.ts';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/lib/metrics.ts';

export interface TestServerOptions {
  /** Real time unless given. */
  clock?: Clock;
  verifiers?: KmsServiceDependencies['verifiers'];
  /** More of the process's environment variables, such as `KAAP_INSTANCES`. */
  environment?: Record<string, string>;
  /** Folder of the state, which then stays when the server is closed. */
  dataDir?: string;
  /** The account's root, where another replica on the same database has made it. */
  root?: RootCredential;
}

/** A whole KMS on loopback, composed as the process composes it, with its state in a temporary folder. */
export interface TestServer {
  /** `https://localhost:<port>`. */
  readonly endpoint: string;
  /** `localhost:<port>`. */
  readonly host: string;
  readonly caPem: string;
  readonly root: RootCredential;
  readonly service: KmsService;
  /** Signs as the account's root. Closed with the server. */
  readonly client: KmsClient;
  close(): Promise<void>;
}

/** The real time, and as much more as a test says. */
export class ShiftedClock implements Clock {
  /** Milliseconds by which the wall clock is ahead. */
  shiftMs = 0;

  now(): number {
    return Date.now() + this.shiftMs;
  }

  monotonic(): number {
    return performance.now();
  }
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'kaap-test-'));
  const dataDir = options.dataDir ?? join(folder, 'data');
  const config = readKmsConfig({
    KAAP_LISTEN: '127.0.0.1:0',
    KAAP_DATA_DIR: dataDir,
    KAAP_SEAL_FILE: join(folder, 'seal.key'),
    ...options.environment,
  });
  const service = await startKmsService({
    config,
    verifiers: options.verifiers ?? new Map(),
    clock: options.clock ?? systemClock,
    log: silentLogger,
    metrics: createMetrics(),
    createIfMissing: true,
  });
  const root =
    options.root ?? (JSON.parse(await readFile(join(dataDir, rootCredentialFile), 'utf8')) as RootCredential);
  const host = `localhost:${service.port}`;
  const endpoint = `https://${host}`;
  const credentials = staticCredentials({ accessKeyId: root.AccessKeyId, accessKeySecret: root.AccessKeySecret });
  const client = new KmsClient({ endpoint, caPem: service.caPem, region: config.region, credentials });
  return {
    endpoint,
    host,
    caPem: service.caPem,
    root,
    service,
    client,
    close: async () => {
      client.close();
      await service.close();
      await rm(folder, { recursive: true, maxRetries: 5 });
    },
  };
}
