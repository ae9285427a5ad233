import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { ClusterApi } from '../../src/kube/cluster-api.ts';
import type { KubeObject, ResourceType } from '../../src/kube/resource.ts';
import { freePorts } from '../../tools/cluster/free-ports.ts';
import { webhookConfigurationResource } from '../../webhook/serving-cert.ts';

const root = join(import.meta.dirname, '..', '..');
const services: ResourceType<KubeObject & { spec: object }> = {
  group: '',
  version: 'v1',
  plural: 'services',
  kind: 'Service',
  namespaced: true,
};

/** Name of the webhook for API servers, which its certificate has to show. */
export const serviceName = 'kaap-webhook.kaap-system.svc';

/** A process of the webhook. */
export class WebhookProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #health: number;
  /** What it has logged. */
  log = '';

  constructor(child: ChildProcess, port: number, health: number) {
    this.#child = child;
    this.port = port;
    this.#health = health;
    child.stderr?.on('data', (chunk: Buffer) => (this.log += chunk.toString()));
  }

  /** What its readiness probe says. */
  async isReady(): Promise<boolean> {
    const response = await fetch(`http://127.0.0.1:${this.#health}/readyz`).catch(() => undefined);
    return response?.ok === true;
  }

  /** From now on it answers nobody, and its connections stay. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  /** Undoes {@link pause}. */
  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** Ends it as the kubelet does; resolves when it is gone. */
  async end(): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    if (this.#child.exitCode === null && this.#child.signalCode === null) await gone;
  }
}

/** Starts a process of the webhook for the API server of a kubeconfig. */
export async function startWebhookProcess(
  kubeconfigPath: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<WebhookProcess> {
  const [port = 0, health = 0] = await freePorts(2);
  const child = spawn(process.execPath, [join(root, 'src/cmd/webhook.ts')], {
    env: {
      ...process.env,
      KUBECONFIG: kubeconfigPath,
      KAAP_LISTEN: `127.0.0.1:${port}`,
      KAAP_METRICS_LISTEN: `127.0.0.1:${health}`,
      KAAP_ENDPOINT: 'https://kms.example',
      KAAP_CA_FILE: join(import.meta.filename),
      KAAP_AGENT_IMAGE: 'agent',
      KAAP_WEBHOOK_SERVICE: serviceName,
      POD_NAMESPACE: 'kaap-system',
      ...environment,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return new WebhookProcess(child, port, health);
}

/** Registers what answers at `port` of this host as the webhook. The namespace `kaap-system` is there. */
export async function registerWebhook(
  api: Pick<ClusterApi, 'create'>,
  port: number,
  signal: AbortSignal,
): Promise<void> {
  // The API server takes the port from the registration, and of an ExternalName only the name.
  const service = {
    metadata: { name: 'kaap-webhook', namespace: 'kaap-system' },
    spec: { type: 'ExternalName', externalName: 'localhost' },
  };
  await api.create(services, service, { signal });
  const registration = {
    name: 'inject.kaap.dev',
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy: 'Fail',
    clientConfig: { service: { namespace: 'kaap-system', name: 'kaap-webhook', path: '/mutate', port } },
    objectSelector: { matchLabels: { 'kaap.dev/inject': 'true' } },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }],
  };
  const configuration = { metadata: { name: 'kaap' }, webhooks: [registration] };
  await api.create(webhookConfigurationResource, configuration as never, { signal });
}
