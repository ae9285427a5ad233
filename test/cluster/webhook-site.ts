import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { namespaceType } from '../../src/controllers/ownership.ts';
import { KubeClusterApi } from '../../src/kube/kube-cluster-api.ts';
import { kubeconfigConnection } from '../../src/kube/kube-config.ts';
import type { KubeObject, ResourceType } from '../../src/kube/resource.ts';
import { createTransport } from '../../src/kube/transport.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { startControlPlane, type ControlPlane } from '../../tools/cluster/control-plane.ts';
import { webhookConfigurationResource } from '../../webhook/serving-cert.ts';
import { registerWebhook, startWebhookProcess, type WebhookProcess } from '../support/webhook-process.ts';

const root = join(import.meta.dirname, '../..');
const core = { group: '', version: 'v1' } as const;
const definitions: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};
const pods: ResourceType<KubeObject & { spec: object }> = { ...core, plural: 'pods', kind: 'Pod', namespaced: true };

/** An API server without nodes, on which processes of the webhook are registered. */
export class WebhookSite {
  readonly api: KubeClusterApi;
  readonly home: string;
  readonly signal: AbortSignal = new AbortController().signal;
  readonly #plane: ControlPlane;
  readonly #processes: WebhookProcess[] = [];

  private constructor(plane: ControlPlane, api: KubeClusterApi, home: string) {
    this.#plane = plane;
    this.api = api;
    this.home = home;
  }

  /** Starts the API server, and registers what answers at `port` of this host. */
  static async start(port: number): Promise<WebhookSite> {
    const plane = await startControlPlane();
    const transport = createTransport(await kubeconfigConnection(plane.kubeconfigPath));
    const api = new KubeClusterApi({ transport, log: silentLogger });
    const site = new WebhookSite(plane, api, mkdtempSync(join(tmpdir(), 'kaap-webhook-')));
    await site.#makeObjects(port);
    return site;
  }

  async #makeObjects(port: number): Promise<void> {
    const { api, signal } = this;
    for (const file of readdirSync(join(root, 'crds'))) {
      await api.create(definitions, parse(readFileSync(join(root, 'crds', file), 'utf8')) as KubeObject, { signal });
    }
    for (const name of ['shop', 'kaap-system']) await api.create(namespaceType, { metadata: { name } }, { signal });
    await registerWebhook(api, port, signal);
  }

  /** Starts a process of the webhook. */
  async startWebhook(environment: Readonly<Record<string, string>>): Promise<WebhookProcess> {
    const started = await startWebhookProcess(this.#plane.kubeconfigPath, environment);
    this.#processes.push(started);
    return started;
  }

  /** Writes `caBundle`, as whoever else keeps the registration does. */
  async writeTrust(...certificatesPem: string[]): Promise<void> {
    const text = certificatesPem.map((pem) => `${pem.trim()}\n`).join('');
    const webhooks = [{ name: 'inject.kaap.dev', clientConfig: { caBundle: Buffer.from(text).toString('base64') } }];
    const options = { fieldManager: 'somebody', force: true, signal: this.signal };
    await this.api.apply(webhookConfigurationResource, { metadata: { name: 'kaap' }, webhooks }, options);
  }

  /** The answer of the API server to a pod that asks for secrets, by its labels. The webhook refuses it: there is no binding. */
  answer(labels: Record<string, string> = { 'kaap.dev/inject': 'true' }): Promise<string> {
    const metadata = { name: 'web', namespace: 'shop', labels };
    const spec = { containers: [{ name: 'app', image: 'app' }] };
    return this.api
      .create(pods, { metadata, spec }, { signal: this.signal, dryRun: true })
      .then(() => 'created', String);
  }

  /** Whether the webhook has reviewed a pod just now. */
  async isReviewed(): Promise<boolean> {
    return (await this.answer()).includes('no SecretBinding in the namespace');
  }

  /** Waits until something holds; after a minute it says what the API server and the processes say. */
  async eventually(holds: () => Promise<boolean>, what: string): Promise<void> {
    const deadline = Date.now() + 60_000;
    while (!(await holds())) {
      const logs = this.#processes.map(({ log }) => log).join('\n');
      if (Date.now() > deadline) throw new Error(`not in time: ${what}: ${await this.answer()}\n${logs}`);
      await sleep(100);
    }
  }

  /** Ends everything. */
  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((running) => running.end()));
    await this.#plane.stop();
    rmSync(this.home, { recursive: true, force: true });
  }
}
