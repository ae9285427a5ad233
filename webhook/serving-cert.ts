import { isDeepStrictEqual } from 'node:util';
import type { ClusterApi } from '../src/kube/cluster-api.ts';
import { isAlreadyExists, isConflict } from '../src/kube/kube-error.ts';
import type { KubeObject, ResourceType } from '../src/kube/resource.ts';
import type { Sleep } from '../src/kube/sleep.ts';
import type { Clock } from '../src/lib/clock.ts';
import type { ServingCertificate } from '../src/lib/http-server.ts';
import type { Logger } from '../src/lib/log.ts';
import {
  certificatesFromData,
  certificatesToData,
  renewCertificates,
  trustBundle,
  type WebhookCertificates,
} from './certificates.ts';
import { checkAgainAndAgain } from './repeated-check.ts';

interface Secret extends KubeObject {
  type?: string;
  /** Base64. */
  data?: Record<string, string>;
}

interface MutatingWebhookConfiguration extends KubeObject {
  webhooks?: { name: string; clientConfig: { caBundle?: string } }[];
}

/** Core v1 Secret. */
export const secretResource: ResourceType<Secret> = {
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  namespaced: true,
};

/** The registration of mutating webhooks. */
export const webhookConfigurationResource: ResourceType<MutatingWebhookConfiguration> = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'mutatingwebhookconfigurations',
  kind: 'MutatingWebhookConfiguration',
  namespaced: false,
};

export interface ServingCertOptions {
  api: Pick<ClusterApi, 'get' | 'create' | 'update' | 'apply'>;
  namespace: string;
  secretName: string;
  /** Name of the MutatingWebhookConfiguration that is ours. */
  configurationName: string;
  /** Names under which API servers reach the webhook. */
  dnsNames: readonly string[];
  clock: Clock;
  sleep: Sleep;
  random: (bytes: number) => Buffer;
  log: Logger;
  /** Takes a new serving certificate into use. */
  onCertificate: (certificate: ServingCertificate) => void;
}

const attempts = 5;
const fieldManager = 'kaap-webhook';

/**
 * Keeps the certificate of the webhook: one Secret that its replicas share, made by whoever comes first, renewed by
 * whoever notices first; and the trust in it that API servers need, put back when somebody empties it.
 *
 * It looks instead of watching: two small reads per interval, no state that could be lost, and rights on two names only.
 */
export class ServingCert {
  readonly #options: ServingCertOptions;
  #certificates: WebhookCertificates | undefined;
  #trusted = false;

  constructor(options: ServingCertOptions) {
    this.#options = options;
  }

  /** Whether API servers were told, at the last look, to trust what is served. */
  get isTrusted(): boolean {
    return this.#trusted;
  }

  /** Looks until the signal fires. Faults are logged and tried again: the last certificate serves on. */
  run(signal: AbortSignal): Promise<void> {
    return checkAgainAndAgain((during) => this.check(during), this.#options, signal);
  }

  /** One look: renews what is due, takes it into use, and repairs the trust. */
  async check(signal: AbortSignal): Promise<void> {
    const certificates = await this.#shared(signal);
    // Trust first: a certificate is served once those who call know its authority.
    this.#trusted = await this.#repairTrust(certificates, signal);
    if (isDeepStrictEqual(certificates, this.#certificates)) return;
    const { certificatePem, privateKeyPem } = certificates.serving;
    this.#options.onCertificate({ certPem: certificatePem, keyPem: privateKeyPem });
    this.#certificates = certificates;
    this.#options.log.info({}, 'serving certificate in use');
  }

  /** What is in the Secret, brought up to date. Replicas that do so at one time agree on whose change came first. */
  async #shared(signal: AbortSignal): Promise<WebhookCertificates> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#readOrRenew(signal);
      } catch (error) {
        if (attempt >= attempts || !(isConflict(error) || isAlreadyExists(error))) throw error;
      }
    }
  }

  async #readOrRenew(signal: AbortSignal): Promise<WebhookCertificates> {
    const { api, namespace, secretName: name, clock, dnsNames, random } = this.#options;
    const secret = await api.get(secretResource, { namespace, name }, { signal });
    const current = certificatesFromData(secret?.data ?? {});
    const renewed = renewCertificates(current, { now: clock.now(), dnsNames, random });
    if (renewed === current) return current;
    const data = certificatesToData(renewed);
    if (secret === undefined) {
      await api.create(secretResource, { metadata: { namespace, name }, type: 'Opaque', data }, { signal });
    } else await api.update(secretResource, { ...secret, data }, { signal });
    return renewed;
  }

  async #repairTrust(certificates: WebhookCertificates, signal: AbortSignal): Promise<boolean> {
    const { api, configurationName: name, log } = this.#options;
    const caBundle = Buffer.from(trustBundle(certificates)).toString('base64');
    const configuration = await api.get(webhookConfigurationResource, { name }, { signal });
    if (configuration === undefined) {
      log.warn({ configuration: name }, 'the webhook configuration does not exist; pods are not reviewed');
      return false;
    }
    const webhooks = configuration.webhooks ?? [];
    if (webhooks.every((webhook) => webhook.clientConfig.caBundle === caBundle)) return webhooks.length > 0;
    const wanted = webhooks.map((webhook) => ({ name: webhook.name, clientConfig: { caBundle } }));
    await api.apply(
      webhookConfigurationResource,
      { metadata: { name }, webhooks: wanted },
      {
        fieldManager,
        signal,
      },
    );
    log.info({ configuration: name }, 'trust in the serving certificate written');
    return true;
  }
}
