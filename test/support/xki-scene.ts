import { randomBytes, X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.ts';
import { startHttpServer, type HttpServer } from '../../src/lib/http-server.ts';
import { silentLogger } from '../../src/lib/log.ts';
import type { AuditEvent } from '../../src/ports/audit-sink.ts';
import { XkiProvider } from '../../src/providers/xki-provider.ts';
import { XkiProxyClient, type XkiProxyClientOptions } from '../../src/providers/xki-proxy-client.ts';
import { createXkiTransport, type XkiTransportOptions } from '../../src/providers/xki-transport.ts';
import { readKeyFile, writeKeyFile, type OwnedKey } from '../../src/storage/xki-key-file.ts';
import { openFileKeys } from '../../src/xki/file-keys.ts';
import { createProxyHandler, type ProxyLimits, type ProxyPrefix } from '../../src/xki/handler.ts';
import type { PolicyHook } from '../../src/xki/policy-hook.ts';
import { testAuthority } from './tls.ts';

export const instance = 'kst-xki0';
export const prefix = '/example-prefix1';
export const region = 'us-east-1';
export const credential = { accessKeyId: 'BETWEEN2TAND3TWENTY4', secretAccessKey: `secret/${'k'.repeat(40)}` };
export const secondCredential = { accessKeyId: 'SECOND22222222222222', secretAccessKey: `other/${'k'.repeat(41)}` };

/** Keys of the owner in every scene: usages as the conformance client expects them, and one for a prefix of others. */
const ownedKeys: readonly Omit<OwnedKey, 'material'>[] = [
  { id: 'full', status: 'ENABLED', usage: ['ENCRYPT', 'DECRYPT'] },
  { id: 'other', status: 'ENABLED', usage: ['ENCRYPT', 'DECRYPT'] },
  { id: 'encrypt-only', status: 'ENABLED', usage: ['ENCRYPT'] },
  { id: 'decrypt-only', status: 'ENABLED', usage: ['DECRYPT'] },
  { id: 'impotent', status: 'ENABLED', usage: [] },
  { id: 'of-others', status: 'ENABLED', usage: ['ENCRYPT', 'DECRYPT'] },
];

export interface XkiSceneOptions {
  policy?: PolicyHook;
  limits?: ProxyLimits;
  /** Certificates of clients are asked for, from this authority. */
  clientCaPem?: string;
  /** Stands before the proxy: answers by itself, or gives the request on. */
  intercept?: (request: IncomingMessage, response: ServerResponse, passOn: () => void) => void;
}

/** A proxy on loopback with keys in a sealed file, and what is needed to call it. */
export class XkiScene {
  readonly endpoint: string;
  readonly caPem: string;
  readonly fingerprint: string;
  readonly events: AuditEvent[];
  readonly #server: HttpServer;
  readonly #file: string;
  readonly #sealKey: Buffer;
  readonly #clients: XkiProxyClient[] = [];

  private constructor(
    server: HttpServer,
    tls: { caPem: string; fingerprint: string },
    events: AuditEvent[],
    keys: { file: string; sealKey: Buffer },
  ) {
    this.endpoint = `https://localhost:${server.port}`;
    this.caPem = tls.caPem;
    this.fingerprint = tls.fingerprint;
    this.events = events;
    this.#server = server;
    this.#file = keys.file;
    this.#sealKey = keys.sealKey;
  }

  static async start(options: XkiSceneOptions = {}): Promise<XkiScene> {
    const folder = await mkdtemp(join(tmpdir(), 'kaap-xki-'));
    const file = join(folder, 'keys.json');
    const sealKey = randomBytes(32);
    await writeKeyFile(
      file,
      sealKey,
      ownedKeys.map((key) => ({ ...key, material: randomBytes(32) })),
    );
    const events: AuditEvent[] = [];
    const shown = new Set(ownedKeys.map(({ id }) => id).filter((id) => id !== 'of-others'));
    const mine: ProxyPrefix = { credentials: [credential, secondCredential], region, keyIds: shown };
    const theirs: ProxyPrefix = { credentials: [secondCredential], region, keyIds: new Set(['of-others']) };
    const handler = createProxyHandler({
      prefixes: new Map([
        [prefix, mine],
        ['/others', theirs],
      ]),
      keys: openFileKeys(file, Buffer.from(sealKey), systemClock),
      ...(options.policy !== undefined && { policy: options.policy }),
      ...(options.limits !== undefined && { limits: options.limits }),
      audit: { append: (event) => Promise.resolve(void events.push(event)), close: () => Promise.resolve() },
      clock: systemClock,
      log: silentLogger,
    });
    const { intercept } = options;
    const authority = testAuthority();
    const certificate = authority.issue();
    const server = await startHttpServer({
      address: { host: '127.0.0.1', port: 0 },
      certificate,
      ...(options.clientCaPem !== undefined && { clientCaPem: options.clientCaPem }),
      handler: (request, response) =>
        intercept === undefined
          ? handler(request, response)
          : intercept(request, response, () => handler(request, response)),
    });
    const { fingerprint256 } = new X509Certificate(certificate.certPem);
    return new XkiScene(server, { caPem: authority.caPem, fingerprint: fingerprint256 }, events, { file, sealKey });
  }

  /** A client of the proxy; closed with the scene. */
  client(options: Partial<XkiProxyClientOptions> = {}, transport: Partial<XkiTransportOptions> = {}): XkiProxyClient {
    const client = new XkiProxyClient({
      transport: createXkiTransport({
        endpoint: this.endpoint,
        caPem: this.caPem,
        allowedNetworks: ['127.0.0.0/8', '::1'],
        ...transport,
      }),
      prefix,
      credential,
      region,
      principalArn: `acs:kms:local:1000000000000000:instance/${instance}`,
      clock: systemClock,
      healthIntervalMs: 50,
      // This machine may be busy; the budget itself is tested where it matters.
      budgetMs: 10_000,
      ...options,
    });
    this.#clients.push(client);
    return client;
  }

  provider(client: XkiProxyClient = this.client()): XkiProvider {
    return new XkiProvider({ proxies: new Map([[instance, client]]), random: randomBytes, clock: systemClock });
  }

  /** Writes into a folder what a KMS is told of this proxy, as owners and operators write it. Gives KAAP_INSTANCES_FILE. */
  async writeInstances(folder: string): Promise<string> {
    const { accessKeyId: AccessKeyId, secretAccessKey: RawSecretAccessKey } = credential;
    const proxy = {
      XksProxyUriPath: `${prefix}/kms/xks/v1`,
      XksProxyAuthenticationCredential: { AccessKeyId, RawSecretAccessKey },
    };
    const configurationFile = join(folder, 'proxy.json');
    await writeFile(configurationFile, JSON.stringify(proxy));
    const trust = { certificateFingerprint: this.fingerprint, allowedNetworks: ['127.0.0.0/8', '::1'] };
    const external = { id: instance, type: 'External', endpoint: this.endpoint, region, configurationFile, ...trust };
    const file = join(folder, 'instances');
    await writeFile(file, JSON.stringify([external]));
    return file;
  }

  /** What the owner does with a key of his. */
  async setStatus(id: string, status: OwnedKey['status']): Promise<void> {
    const keys = await readKeyFile(this.#file, this.#sealKey);
    await writeKeyFile(
      this.#file,
      this.#sealKey,
      keys.map((key) => (key.id === id ? { ...key, status } : key)),
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.#server.close(50);
    await rm(join(this.#file, '..'), { recursive: true });
  }
}
