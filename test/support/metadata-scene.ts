import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readMetadataConfig } from '../../src/cmd/metadata-config.ts';
import { startMetadataService, type MetadataService } from '../../src/cmd/metadata-service.ts';
import { TokenIssuer } from '../../src/cmd/standalone/token-issuer.ts';
import { Store } from '../../src/kube/store.ts';
import type { KubeRequest } from '../../src/kube/transport.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/lib/metrics.ts';
import type { NodePod } from '../../src/metadata/callers.ts';
import { createJwksVerifier } from '../../src/sts/oidc/jwks-verifier.ts';
import { startTestServer, type TestServer } from './kms-server.ts';

const metadataAccount = { namespace: 'kaap-system', serviceAccount: 'kaap-metadata' };
const nodeAudience = 'kaap.dev/service/ecs.aliyuncs.com';

/** A pod of the node, as the API server tells it. */
export function nodePod(namespace: string, name: string, podIP: string, more: object = {}): NodePod {
  return {
    metadata: { namespace, name, uid: `${namespace}/${name}` },
    spec: { serviceAccountName: 'app' },
    status: { phase: 'Running', podIP },
    ...more,
  } as NodePod;
}

export interface Answer {
  status: number;
  text: string;
}

export interface MetadataSceneOptions {
  /** `127.0.0.1:0` unless given. */
  listen?: string;
  environment?: Record<string, string>;
}

/** The metadata server of one node with the KMS behind it. The pods are given; whose a request is, its source address says. */
export class MetadataScene {
  readonly server: TestServer;
  readonly pods: Store<NodePod> = new Store<NodePod>();
  readonly issuer: TokenIssuer;
  /** Bodies of the TokenRequests that were made. */
  readonly tokenRequests: unknown[] = [];
  readonly #folder: string;
  readonly #host: string;
  #service: MetadataService | undefined;

  private constructor(server: TestServer, issuer: TokenIssuer, folder: string, host: string) {
    this.server = server;
    this.issuer = issuer;
    this.#folder = folder;
    this.#host = host;
  }

  static async start({ listen = '127.0.0.1:0', environment = {} }: MetadataSceneOptions = {}): Promise<MetadataScene> {
    const issuer = new TokenIssuer(systemClock);
    const verifier = createJwksVerifier({
      provider: 'kubernetes',
      issuer: issuer.issuer,
      jwks: { keys: issuer.jwks },
      clock: systemClock,
    });
    const server = await startTestServer({
      verifiers: new Map([['kubernetes', verifier]]),
      environment: { KAAP_SERVICE_VOUCHERS: 'ecs.aliyuncs.com=kaap-system:kaap-metadata' },
    });
    const folder = mkdtempSync(join(tmpdir(), 'kaap-metadata-'));
    const scene = new MetadataScene(server, issuer, folder, listen.replace(/:\d+$/, ''));
    await scene.#serve(listen, environment);
    return scene;
  }

  async #serve(listen: string, environment: Record<string, string>): Promise<void> {
    const file = (name: string, text: string): string => {
      writeFileSync(join(this.#folder, name), text);
      return join(this.#folder, name);
    };
    const config = readMetadataConfig({
      KAAP_ENDPOINT: this.server.endpoint,
      KAAP_CA_FILE: file('ca.crt', this.server.caPem),
      KAAP_TOKEN_FILE: file('token', await this.issuer.issue({ ...metadataAccount, audience: nodeAudience })),
      KAAP_METADATA_LISTEN: listen,
      KAAP_METADATA_ROLE: 'Worker',
      KAAP_METADATA_EXCLUDED_NAMESPACES: 'kube-system,bank',
      NODE_NAME: 'node-1.example',
      ...environment,
    });
    this.#service = await startMetadataService({
      config,
      pods: this.pods,
      transport: { request: <T>(request: KubeRequest) => this.#requestToken(request) as Promise<T> },
      clock: systemClock,
      log: silentLogger,
      metrics: createMetrics(),
    });
  }

  async #requestToken({ path, body }: KubeRequest): Promise<unknown> {
    this.tokenRequests.push(body);
    const [, namespace = '', serviceAccount = ''] =
      /namespaces\/([^/]+)\/serviceaccounts\/([^/]+)\/token$/.exec(path) ?? [];
    const [audience = ''] = (body as { spec: { audiences: string[] } }).spec.audiences;
    return { status: { token: await this.issuer.issue({ namespace, serviceAccount, audience }) } };
  }

  get port(): number {
    return this.#service?.port ?? 0;
  }

  /** What the API server would have told about the node. */
  know(...pods: NodePod[]): void {
    this.pods.handle({ type: 'Init' });
    for (const object of pods) this.pods.handle({ type: 'InitApply', object });
    this.pods.handle({ type: 'InitDone' });
  }

  /** Asks from an address of the loopback network. */
  ask(localAddress: string, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { port } = this;
      const asked = httpRequest(
        { host: this.#host, port, path, method, headers, localAddress, agent: false },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
          );
        },
      );
      asked.on('error', reject);
      asked.end();
    });
  }

  async close(): Promise<void> {
    await this.#service?.close();
    await this.server.close();
    rmSync(this.#folder, { recursive: true });
  }
}
